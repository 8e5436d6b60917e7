/* Networks and ranges may lie in each other and overlap as they like. All addresses are cut into stretches in which the
 * narrowest range is the same; a search in their starts finds it. Made in one pass over the ranges, sorted by their
 * first address, with a heap of those that are open. */
#include "daemon/rows.h"

#include <stdlib.h>
#include <string.h>

enum { IP_LEN = 16 };

struct sweep {
    struct row *const *rows;
    size_t count, next; /* next: the first that is not open yet */
    uint32_t *heap;     /* narrowest first */
    size_t open, first;
    struct stretches *out;
};

/* Width as a number of 128 bits, high - low. */
static void width_of(const struct net_range *r, uint8_t out[static IP_LEN]) {
    int borrow = 0;
    for (int i = IP_LEN - 1; i >= 0; i--) {
        int d = r->high[i] - r->low[i] - borrow;
        borrow = d < 0;
        out[i] = (uint8_t)d;
    }
}

static bool narrower(const struct sweep *s, uint32_t a, uint32_t b) {
    const struct net_range *x = row_range(s->rows[a]), *y = row_range(s->rows[b]);
    uint8_t wx[IP_LEN], wy[IP_LEN];
    width_of(x, wx);
    width_of(y, wy);
    int c = memcmp(wx, wy, IP_LEN);
    return c != 0 ? c < 0 : memcmp(x->low, y->low, IP_LEN) > 0;
}

static void heap_push(struct sweep *s, uint32_t row) {
    size_t i = s->open++;
    while (i > 0 && narrower(s, row, s->heap[(i - 1) / 2])) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = row;
}

static void heap_pop(struct sweep *s) {
    uint32_t last = s->heap[--s->open];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < s->open; i = child) {
        if (child + 1 < s->open && narrower(s, s->heap[child + 1], s->heap[child])) child++;
        if (!narrower(s, s->heap[child], last)) break;
        s->heap[i] = s->heap[child];
    }
    if (s->open > 0) s->heap[i] = last;
}

static void emit(struct sweep *s, const uint8_t start[static IP_LEN], uint32_t row) {
    struct stretches *out = s->out;
    if (row != STRETCH_NONE) row += (uint32_t)s->first;
    if (out->count > 0 && out->list[out->count - 1].row == row) return;
    memcpy(out->list[out->count].start, start, IP_LEN);
    out->list[out->count++].row = row;
}

/* The address behind; false when there is none. IPv4 lies in the first four bytes, `len` tells. */
static bool ip_after(const uint8_t ip[static IP_LEN], int len, uint8_t out[static IP_LEN]) {
    memcpy(out, ip, IP_LEN);
    for (int i = len - 1; i >= 0; i--) {
        if (++out[i] != 0) return true;
    }
    return false;
}

static void run(struct sweep *s, int len) {
    uint8_t at[IP_LEN] = {0};
    while (s->open > 0 || s->next < s->count) {
        if (s->open == 0) memcpy(at, row_range(s->rows[s->next])->low, IP_LEN);
        while (s->next < s->count && memcmp(row_range(s->rows[s->next])->low, at, IP_LEN) == 0) {
            heap_push(s, (uint32_t)s->next++);
        }
        while (s->open > 0 && memcmp(row_range(s->rows[s->heap[0]])->high, at, IP_LEN) < 0) heap_pop(s);
        emit(s, at, s->open > 0 ? s->heap[0] : STRETCH_NONE);
        if (s->open == 0) continue;
        uint8_t behind[IP_LEN];
        bool more = ip_after(row_range(s->rows[s->heap[0]])->high, len, behind);
        const uint8_t *next = s->next < s->count ? row_range(s->rows[s->next])->low : NULL;
        if (!more && next == NULL) break;
        memcpy(at, !more || (next != NULL && memcmp(next, behind, IP_LEN) < 0) ? next : behind, IP_LEN);
    }
}

int stretches_make(struct row *const *rows, size_t count, size_t first, struct stretches *out) {
    if (count == 0) return 0;
    struct stretches made = {.list = malloc((2 * count + 1) * sizeof *made.list)};
    uint32_t *heap = malloc(count * sizeof *heap);
    if (made.list == NULL || heap == NULL) {
        free(made.list);
        free(heap);
        return ERR_NOMEM;
    }
    struct sweep s = {.rows = rows, .count = count, .heap = heap, .first = first, .out = &made};
    run(&s, row_range(rows[0])->family == AF_INET ? 4 : IP_LEN);
    free(heap);
    *out = made;
    return 0;
}

uint32_t stretches_find(const struct stretches *s, const uint8_t ip[static 16]) {
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(s->list[mid].start, ip, IP_LEN) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low == 0 ? (uint32_t)STRETCH_NONE : s->list[low - 1].row;
}

#include "proto/imap/set.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 4 };

static void forget_index(struct imap_runs *r) {
    free(r->before);
    r->before = NULL;
}

void imap_runs_done(struct imap_runs *r) {
    free(r->run);
    forget_index(r);
    *r = (struct imap_runs){0};
}

static int make_room(struct imap_runs *r) {
    if (r->count < r->cap) return 0;
    if (r->count >= IMAP_RUNS_MAX) return ERR_LIMIT;
    size_t cap = r->cap == 0 ? 1 : r->cap < FIRST_CAP ? FIRST_CAP : 2 * r->cap;
    struct imap_range *p = realloc(r->run, cap * sizeof *p);
    if (p == NULL) return ERR_NOMEM;
    r->run = p;
    r->cap = cap;
    return 0;
}

/* Index of the first run whose last is >= n. */
static size_t find_run(const struct imap_runs *r, uint32_t n) {
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (r->run[mid].last < n)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int imap_runs_add(struct imap_runs *r, uint32_t first, uint32_t last) {
    if (first == 0 || first > last) return ERR_INVALID;
    forget_index(r);
    /* runs [from, to) touch or overlap the new one and become part of it */
    size_t from = r->count > 0 && r->run[r->count - 1].last < first - 1 ? r->count : find_run(r, first - 1);
    size_t to = from;
    while (to < r->count && (last == UINT32_MAX || r->run[to].first <= last + 1)) to++;
    if (from == to) {
        int err = make_room(r);
        if (err != 0) return err;
        memmove(r->run + from + 1, r->run + from, (r->count - from) * sizeof *r->run);
        r->run[from] = (struct imap_range){first, last};
        r->count++;
        return 0;
    }
    if (r->run[from].first < first) first = r->run[from].first;
    if (r->run[to - 1].last > last) last = r->run[to - 1].last;
    r->run[from] = (struct imap_range){first, last};
    memmove(r->run + from + 1, r->run + to, (r->count - to) * sizeof *r->run);
    r->count -= to - from - 1;
    return 0;
}

int imap_runs_subtract(struct imap_runs *r, const struct imap_runs *gone) {
    struct imap_runs out = {0};
    size_t g = 0;
    for (size_t i = 0; i < r->count; i++) {
        uint64_t first = r->run[i].first, last = r->run[i].last;
        while (g < gone->count && gone->run[g].last < first) g++;
        for (size_t k = g; first <= last; k++) {
            bool cut = k < gone->count && gone->run[k].first <= last;
            uint64_t end = cut ? (uint64_t)gone->run[k].first - 1 : last;
            if (first <= end && imap_runs_add(&out, (uint32_t)first, (uint32_t)end) != 0) {
                imap_runs_done(&out);
                return ERR_NOMEM;
            }
            if (!cut) break;
            first = (uint64_t)gone->run[k].last + 1;
        }
    }
    imap_runs_done(r);
    *r = out;
    return 0;
}

int imap_runs_intersect(const struct imap_runs *a, const struct imap_runs *b, struct imap_runs *out) {
    size_t i = 0, k = 0;
    while (i < a->count && k < b->count) {
        uint32_t first = a->run[i].first > b->run[k].first ? a->run[i].first : b->run[k].first;
        uint32_t last = a->run[i].last < b->run[k].last ? a->run[i].last : b->run[k].last;
        if (first <= last) {
            int err = imap_runs_add(out, first, last);
            if (err != 0) return err;
        }
        if (a->run[i].last < b->run[k].last)
            i++;
        else
            k++;
    }
    return 0;
}

int imap_runs_copy(const struct imap_runs *from, struct imap_runs *out) {
    struct imap_runs copy = {0};
    if (from->count > 0) {
        copy.run = malloc(from->count * sizeof *copy.run);
        if (copy.run == NULL) return ERR_NOMEM;
        memcpy(copy.run, from->run, from->count * sizeof *copy.run);
        copy.count = copy.cap = from->count;
    }
    *out = copy;
    return 0;
}

bool imap_runs_has(const struct imap_runs *r, uint32_t n) {
    size_t i = find_run(r, n);
    return n != 0 && i < r->count && r->run[i].first <= n;
}

static uint32_t run_len(struct imap_range r) {
    return r.last - r.first + 1;
}

uint32_t imap_runs_total(const struct imap_runs *r) {
    uint32_t total = 0;
    if (r->before != NULL) return r->before[r->count - 1] + run_len(r->run[r->count - 1]);
    for (size_t i = 0; i < r->count; i++) total += run_len(r->run[i]);
    return total;
}

uint32_t imap_runs_last(const struct imap_runs *r) {
    return r->count == 0 ? 0 : r->run[r->count - 1].last;
}

/* False when there is no memory for the index: the caller then counts. */
static bool need_index(struct imap_runs *r) {
    if (r->before != NULL || r->count == 0) return r->count > 0;
    r->before = malloc(r->count * sizeof *r->before);
    if (r->before == NULL) return false;
    uint32_t sum = 0;
    for (size_t i = 0; i < r->count; i++) {
        r->before[i] = sum;
        sum += run_len(r->run[i]);
    }
    return true;
}

static uint32_t before_run(struct imap_runs *r, size_t index) {
    if (need_index(r)) return r->before[index];
    uint32_t sum = 0;
    for (size_t i = 0; i < index; i++) sum += run_len(r->run[i]);
    return sum;
}

uint32_t imap_runs_position(struct imap_runs *r, uint32_t n) {
    size_t i = find_run(r, n);
    if (n == 0 || i >= r->count || r->run[i].first > n) return 0;
    return before_run(r, i) + (n - r->run[i].first) + 1;
}

/* Index of the run that holds a position from 1 to the total. */
static size_t run_at(struct imap_runs *r, uint32_t position) {
    size_t low = 0, high = r->count;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (before_run(r, mid) < position)
            low = mid;
        else
            high = mid;
    }
    return low;
}

uint32_t imap_runs_at(struct imap_runs *r, uint32_t position) {
    if (position == 0 || position > imap_runs_total(r)) return 0;
    size_t i = run_at(r, position);
    return r->run[i].first + (position - before_run(r, i) - 1);
}

int imap_runs_slice(struct imap_runs *r, uint32_t first, uint32_t last, struct imap_runs *out) {
    uint32_t total = imap_runs_total(r);
    if (first == 0) first = 1;
    if (last > total) last = total;
    if (first > last) return 0;
    for (size_t i = run_at(r, first); i < r->count; i++) {
        uint32_t base = before_run(r, i);
        if (base >= last) break;
        uint32_t from = first > base + 1 ? r->run[i].first + (first - base - 1) : r->run[i].first;
        uint32_t left = last - base;
        uint32_t to = left < run_len(r->run[i]) ? r->run[i].first + left - 1 : r->run[i].last;
        int err = imap_runs_add(out, from, to);
        if (err != 0) return err;
    }
    return 0;
}

uint32_t imap_runs_next(const struct imap_runs *r, size_t *at, uint32_t n) {
    if (*at >= r->count) return 0;
    if (n < r->run[*at].first) return r->run[*at].first;
    if (n < r->run[*at].last) return n + 1;
    ++*at;
    return *at < r->count ? r->run[*at].first : 0;
}

void imap_runs_write(const struct imap_runs *r, struct buf *out) {
    for (size_t i = 0; i < r->count; i++) {
        if (i > 0) buf_addc(out, ',');
        buf_addu(out, r->run[i].first);
        if (r->run[i].last == r->run[i].first) continue;
        buf_addc(out, ':');
        buf_addu(out, r->run[i].last);
    }
}

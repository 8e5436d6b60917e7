#include "proto/imap/set.h"

#include <stdlib.h>
#include <string.h>

/* seq-number = nz-number / "*" */
static bool take_seq_number(struct str s, size_t *at, uint32_t *out) {
    if (*at < s.len && s.ptr[*at] == '*') {
        ++*at;
        *out = 0;
        return true;
    }
    uint64_t n = 0;
    size_t i = *at;
    for (; i < s.len && ascii_isdigit(s.ptr[i]); i++) {
        n = n * 10 + (uint64_t)(s.ptr[i] - '0');
        if (n > UINT32_MAX) return false;
    }
    if (i == *at || n == 0) return false;
    *at = i;
    *out = (uint32_t)n;
    return true;
}

int imap_set_parse(struct str s, struct arena *arena, struct imap_set *out, size_t *used) {
    if (s.len > 0 && s.ptr[0] == '$') {
        *out = (struct imap_set){.saved = true};
        *used = 1;
        return 0;
    }
    size_t end = 0, commas = 0;
    for (; end < s.len && (ascii_isdigit(s.ptr[end]) || strchr("*:,", s.ptr[end]) != NULL) && s.ptr[end] != '\0'; end++)
        if (s.ptr[end] == ',') commas++;
    s.len = end;
    struct imap_range *range = arena_alloc(arena, (commas + 1) * sizeof *range);
    if (range == NULL) return ERR_NOMEM;
    size_t at = 0, count = 0;
    do {
        struct imap_range *r = &range[count++];
        if (!take_seq_number(s, &at, &r->first)) return ERR_INVALID;
        r->last = r->first;
        if (at < s.len && s.ptr[at] == ':') {
            at++;
            if (!take_seq_number(s, &at, &r->last)) return ERR_INVALID;
        }
    } while (at < s.len && s.ptr[at++] == ',');
    if (at != s.len) return ERR_INVALID;
    *out = (struct imap_set){.range = range, .count = count};
    *used = at;
    return 0;
}

static int range_cmp(const void *a, const void *b) {
    const struct imap_range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

int imap_set_resolve(const struct imap_set *s, uint32_t star, struct imap_runs *out) {
    if (s->count == 0) return 0;
    struct imap_range *sorted = malloc(s->count * sizeof *sorted);
    if (sorted == NULL) return ERR_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) {
        uint32_t a = s->range[i].first == 0 ? star : s->range[i].first;
        uint32_t b = s->range[i].last == 0 ? star : s->range[i].last;
        if (a == 0 || b == 0) continue; /* "*" of an empty mailbox */
        sorted[n++] = a < b ? (struct imap_range){a, b} : (struct imap_range){b, a};
    }
    qsort(sorted, n, sizeof *sorted, range_cmp);
    int err = 0;
    for (size_t i = 0; i < n && err == 0; i++) err = imap_runs_add(out, sorted[i].first, sorted[i].last);
    free(sorted);
    return err;
}

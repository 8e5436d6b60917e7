/* Sequence sets (RFC 9051 section 9) and runs: ascending, disjoint, joined ranges of UIDs, which is how a mailbox of
 * any size is held in little memory. */
#ifndef IEMS_PROTO_IMAP_SET_H
#define IEMS_PROTO_IMAP_SET_H

#include "base/arena.h"
#include "base/buf.h"

enum { IMAP_RUNS_MAX = 16 * 1024 * 1024 }; /* most runs in memory */

struct imap_range {
    uint32_t first, last;
};

/* As it was written: in any order, overlapping; 0 stands for "*". */
struct imap_set {
    const struct imap_range *range;
    size_t count;
    bool saved; /* "$" (RFC 9051 section 6.4.4.4): range is empty */
};
/* From the front of `s`; `*used` bytes belong to it. ERR_INVALID, ERR_NOMEM. */
NODISCARD int imap_set_parse(struct str s, struct arena *arena, struct imap_set *out, size_t *used);

struct imap_runs {
    struct imap_range *run;
    size_t count, cap;
    uint32_t *before; /* numbers in the runs before each, made when first needed; NULL = not made */
};
void imap_runs_done(struct imap_runs *r); /* frees; a zeroed one is empty and valid */
/* Adds first..last wherever it belongs; at the end it is cheap. ERR_NOMEM, ERR_INVALID (first > last, or 0). */
NODISCARD int imap_runs_add(struct imap_runs *r, uint32_t first, uint32_t last);
/* Takes away all numbers of `gone`. */
NODISCARD int imap_runs_subtract(struct imap_runs *r, const struct imap_runs *gone);
/* out (empty before) = a and b. */
NODISCARD int imap_runs_intersect(const struct imap_runs *a, const struct imap_runs *b, struct imap_runs *out);
NODISCARD int imap_runs_copy(const struct imap_runs *from, struct imap_runs *out);
bool imap_runs_has(const struct imap_runs *r, uint32_t n);
uint32_t imap_runs_total(const struct imap_runs *r);
uint32_t imap_runs_last(const struct imap_runs *r); /* 0 when empty */
/* Position of a number, from 1; 0 = not there. */
uint32_t imap_runs_position(struct imap_runs *r, uint32_t n);
/* The number at a position from 1; 0 = beyond the end. */
uint32_t imap_runs_at(struct imap_runs *r, uint32_t position);
/* Adds the numbers at positions first..last (clamped) to `out`. */
NODISCARD int imap_runs_slice(struct imap_runs *r, uint32_t first, uint32_t last, struct imap_runs *out);
/* Ascending iteration: start with n = 0; 0 at the end. `*at` is a cursor, 0 at first. */
uint32_t imap_runs_next(const struct imap_runs *r, size_t *at, uint32_t n);
/* Appends "1:3,7"; nothing when empty. */
void imap_runs_write(const struct imap_runs *r, struct buf *out);

/* The numbers of a set with "*" = `star`, as runs (clamped to nothing: the caller intersects). */
NODISCARD int imap_set_resolve(const struct imap_set *s, uint32_t star, struct imap_runs *out);

#endif

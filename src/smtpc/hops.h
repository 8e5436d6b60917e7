/* Which of several next hops is taken when some do not answer (ROUTE-11 to ROUTE-13): the first that works; another
 * only after it has been away for a while; and it is tried again from time to time. Pure but for memory: times are
 * given. A hop is known by its text, as "mail.example:587". */
#ifndef IEMS_SMTPC_HOPS_H
#define IEMS_SMTPC_HOPS_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct hops;

enum { HOPS_MAX = 1000 };

struct hops_times {
    uint64_t failover_ms; /* ROUTE-12: how long a hop must be away before the next is taken */
    uint64_t return_ms;   /* ROUTE-13: time between attempts to return to it */
};

struct hops *hops_new(void); /* NULL = out of memory */
void hops_free(struct hops *h);

/* The hop is known to be away and not yet due to be tried again: take the next. Otherwise the attempt is noted, so that
 * others need not make it at the same time. */
bool hops_skip(struct hops *h, struct str hop, const struct hops_times *t, uint64_t now_ms);
/* It could not be reached. True: the next may be taken; false: it has not been away for long enough. */
bool hops_failed(struct hops *h, struct str hop, const struct hops_times *t, uint64_t now_ms);
/* It answers. True: it was away before. */
bool hops_works(struct hops *h, struct str hop);

#endif

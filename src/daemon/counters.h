/* How many sessions there are of an address, a network or in all, and how many connections came in the last minute
 * (SMTPD-03). One that is alone counts by itself; where a module has several workers, the responder counts for all of
 * them (docs/design/channels.md).
 *
 * Invariants: a request is counted whole or not at all. Memory is bounded: with too many keys, rates that are quiet are
 * forgotten and new ones are not counted; sessions with new keys are refused. */
#ifndef IEMS_DAEMON_COUNTERS_H
#define IEMS_DAEMON_COUNTERS_H

#include "base/map.h"
#include "net/address.h"

enum { COUNTER_KEY_MAX = 128, COUNTERS_AT_ONCE = 8, COUNTER_ADDRESS_KEY = 20 };

struct counter {
    struct str key;
    unsigned max; /* 0: no limit; a rate is not counted then */
    bool rate;    /* connections in a minute; else sessions at a time */
};

struct counters {
    struct map *sessions; /* key -> count */
    struct map *rates;    /* key -> struct rate */
    uint64_t swept;       /* the window in which quiet rates were last forgotten */
};

NODISCARD int counters_init(struct counters *c);
void counters_done(struct counters *c);

/* `count` when all are counted; else the place of the first that is full (or that there is no memory for), and none is
 * counted. */
NODISCARD size_t counters_enter(struct counters *c, const struct counter *list, size_t count, uint64_t now_ms);
/* The session ends. Rates stay. */
void counters_leave(struct counters *c, const struct counter *list, size_t count);
/* As if it had never been there: rates too. */
void counters_undo(struct counters *c, const struct counter *list, size_t count);
/* All sessions that `part` has leave `c`, and `part`. */
void counters_leave_all(struct counters *c, struct counters *part);
unsigned counters_sessions(const struct counters *c, struct str key);

/* The key of an address: IPv6 counts by /64. Empty: the peer has none. */
struct str counter_address_key(const struct net_addr *a, char out[static COUNTER_ADDRESS_KEY]);

#endif

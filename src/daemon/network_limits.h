/* How many sessions a network (a row of the table `access`) has, and how many connections an address or a network made
 * in the last minute (SMTPD-03). One worker counts for itself. Bounded: when there are too many to remember, those that
 * are quiet are forgotten, and new ones are not counted. */
#ifndef IEMS_DAEMON_NETWORK_LIMITS_H
#define IEMS_DAEMON_NETWORK_LIMITS_H

#include "base/map.h"
#include "net/address.h"

struct network_limits {
    struct map *sessions; /* row key -> count */
    struct map *rates;    /* row key or address -> struct rate */
    uint64_t swept;       /* the window in which quiet ones were last forgotten */
};

NODISCARD int network_limits_init(struct network_limits *l);
void network_limits_done(struct network_limits *l);

/* A session of the network `key`: false = it has `max` already. max 0: no limit, but counted. */
bool network_session_enter(struct network_limits *l, struct str key, unsigned max);
void network_session_leave(struct network_limits *l, struct str key);

/* A connection of `key` at `now_ms`: false when that is more than `max` in a minute; refused ones do not count. */
bool network_rate_take(struct network_limits *l, struct str key, unsigned max, uint64_t now_ms);
/* The key of an address: IPv6 counts by /64. */
struct str network_rate_key(const struct net_addr *a, char out[static 20]);

#endif

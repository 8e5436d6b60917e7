/* How many sessions there are, in all and from each address (SMTPD-03). IPv6 addresses count by /64. */
#ifndef IEMS_DAEMON_SESSION_LIMITS_H
#define IEMS_DAEMON_SESSION_LIMITS_H

#include "base/map.h"
#include "net/address.h"

struct limits {
    unsigned sessions;
    struct map *by_address; /* key: address or prefix; value: the count */
};

NODISCARD int limits_init(struct limits *l);
void limits_done(struct limits *l);
/* 0 and the session is counted; ERR_LIMIT with the reason (static text): it is not. A maximum of 0 is none. */
NODISCARD int limits_enter(struct limits *l, const struct net_addr *peer, unsigned max_sessions,
                           unsigned max_per_address, const char **reason);
void limits_leave(struct limits *l, const struct net_addr *peer);
unsigned limits_of(const struct limits *l, const struct net_addr *peer);

#endif

/* Where a service listens, as the options "MODULE.listen_NAME" say it: for the responder, which binds, and for those
 * who want to know beforehand whether it can. */
#ifndef IEMS_DAEMON_LISTEN_H
#define IEMS_DAEMON_LISTEN_H

#include "net/address.h"

enum { LISTEN_MAX = 16 };

struct listen_list {
    struct net_addr at[LISTEN_MAX];
    size_t count;
};

/* Appends the addresses of `value`: "off", or words "default" (the port `usual`), "2525", "192.0.2.1:25",
 * "[2001:db8::1]:25", "192.0.2.1", "*:25". A port alone is bound on all addresses, or on those of loopback. IPv6 is
 * left out where the machine has none. Errors name the option. */
NODISCARD int listen_parse(const char *option, struct str value, uint16_t usual, bool loopback, struct listen_list *out,
                           struct error *err);

#endif

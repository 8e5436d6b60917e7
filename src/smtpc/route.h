/* From a destination to the hosts that are tried, in their order. ROUTE-01 to ROUTE-07, ROUTE-10, ROUTE-11, ROUTE-14,
 * ROUTE-15; RFC 5321 section 5.1, RFC 7505. DNS is reached through operations, so that tests bring their own. */
#ifndef IEMS_SMTPC_ROUTE_H
#define IEMS_SMTPC_ROUTE_H

#include "daemon/tables.h"
#include "net/resolver.h"
#include "proto/smtp/destination.h"
#include "smtpc/hosttable.h"
#include "smtpc/outcome.h"

enum route_mode { ROUTE_DNS, ROUTE_DNS_TABLE, ROUTE_TABLE_DNS, ROUTE_TABLE, ROUTE_RELAY };
/* "DNSOnly", "DNSThenHostTable", "HostTableThenDNS", "HostTableOnly", "MailRelayHost", any case. ERR_INVALID. */
NODISCARD int route_mode_parse(struct str s, enum route_mode *out);

struct route_dns {
    int (*mx)(void *arg, struct str domain, struct arena *arena, enum dns_status *status, struct dns_mx **mx,
              size_t *count);
    int (*addresses)(void *arg, struct str host, uint16_t port, struct arena *arena, enum dns_status *status,
                     struct net_addr **addr, size_t *count);
    void *arg;
};

struct router {
    enum route_mode mode;
    const struct hosttable *table; /* NULL = empty */
    bool table_missing;            /* there should be one, but it cannot be read: nothing is sent past it */
    const char *relays;            /* "host:port host:port": the first that answers is taken; "" = none */
    const char *relay_users, *relay_password_files; /* for each of them in turn, "-" = none; the last for the rest */
    const struct rows *routes;                      /* table `route`; NULL = empty */
    uint16_t port;                                  /* of destinations without one */
    const char *hostname;                           /* this host: mail never goes to itself */
    struct route_dns dns;
};

enum { ROUTE_HOSTS_MAX = 20 };

struct route_host {
    const char *name; /* for logs, TLS and reports */
    uint16_t port;
    const struct net_addr *addr; /* known already (literal, host table), or NULL: ask route_addresses */
    size_t count;
    unsigned hop;         /* of several that stand for each other: 1, 2, ...; 0 = an ordinary host of the domain */
    const char *hop_name; /* its text */
    const char *user, *password_file; /* NULL = no AUTH */
};

struct route {
    struct route_host hosts[ROUTE_HOSTS_MAX];
    size_t count;
};

/* The queue of all mail that goes to the relay hosts: the destination is their list. */
bool route_is_relay_queue(const struct router *r, struct str destination);
/* 0: hosts to try. ERR_NOTFOUND: `why` is PERMANENT: there is no way to the destination and there will be none;
 * ERR_AGAIN: `why` is TEMPORARY. ERR_CANCELLED, ERR_NOMEM. Everything is in the arena. */
NODISCARD int route_find(const struct router *r, struct str destination, struct arena *arena, struct route *out,
                         struct outcome *why);
/* Addresses of a host whose `addr` is NULL: host table or DNS as the mode says. Errors as above. */
NODISCARD int route_addresses(const struct router *r, const struct route_host *host, struct arena *arena,
                              const struct net_addr **addr, size_t *count, struct outcome *why);

#endif

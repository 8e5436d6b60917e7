/* IP addresses, ports and networks: parse, format, match. */
#ifndef IEMS_NET_ADDRESS_H
#define IEMS_NET_ADDRESS_H

#include "base/str.h"

#include <sys/socket.h>

struct net_addr {
    uint8_t family; /* AF_INET, AF_INET6, AF_UNIX (no address) or 0 (unset) */
    uint16_t port;  /* host order */
    uint8_t ip[16]; /* network order; IPv4 in the first 4; a v4-mapped IPv6 address is turned into IPv4 */
};

enum { NET_ADDR_TEXT_MAX = 64 };

NODISCARD int net_addr_parse(struct str ip, uint16_t port, struct net_addr *out);
void net_addr_from_sockaddr(const struct sockaddr *sa, struct net_addr *out);
/* Fills `ss`; returns its length. */
socklen_t net_addr_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *ss);
void net_addr_ip_text(const struct net_addr *a, char out[static NET_ADDR_TEXT_MAX]); /* "192.0.2.1", "2001:db8::1" */
void net_addr_text(const struct net_addr *a, char out[static NET_ADDR_TEXT_MAX]);    /* "192.0.2.1:25", "[::1]:25" */
/* RFC 5321 address literal: "[192.0.2.1]", "[IPv6:2001:db8::1]". */
void net_addr_literal(const struct net_addr *a, char out[static NET_ADDR_TEXT_MAX]);
bool net_addr_same_ip(const struct net_addr *a, const struct net_addr *b);
bool net_addr_is_loopback(const struct net_addr *a);

struct net_range {
    uint8_t family;
    uint8_t low[16], high[16]; /* inclusive */
};
/* "192.0.2.1", "192.0.2.0/24", "192.0.2.1-192.0.2.9", the same in IPv6 (MTA-09, CONNCTL-02). */
NODISCARD int net_range_parse(struct str s, struct net_range *out);
bool net_range_has(const struct net_range *r, const struct net_addr *a);
/* A list separated by blanks or commas. `*list` is malloc'd (free it). ERR_INVALID names the bad item in err. */
NODISCARD int net_range_list_parse(struct str s, struct net_range **list, size_t *count, struct error *err);
bool net_range_list_has(const struct net_range *list, size_t count, const struct net_addr *a);

#endif

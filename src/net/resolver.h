/* DNS by libunbound's event API on our loop: no threads, no blocking, DNSSEC status kept with each answer. */
#ifndef IEMS_NET_RESOLVER_H
#define IEMS_NET_RESOLVER_H

#include "base/arena.h"
#include "net/address.h"

struct resolver;

struct resolver_config {
    const char *const *servers; /* "192.0.2.53", "127.0.0.1@5353"; NULL-terminated; none: those of /etc/resolv.conf */
    const char *trust_anchor;   /* file or NULL; text of a DS/DNSKEY record in trust_anchor_text */
    const char *trust_anchor_text;
    const char *insecure; /* domains, separated by blanks, that are not validated though a parent is; or NULL */
    uint64_t timeout_ms;  /* for one look-up in all (ROUTE-09: 4 retries of 5 s) */
    /* ROUTE-08: answers that are kept, in memory; 0 = RESOLVER_CACHE_RECORDS, RESOLVER_NO_CACHE = none */
    uint64_t cache_records;
    /* Questions to name servers under way, each with a socket of its own and 1 KiB; what is asked beyond them waits,
     * also behind those that nobody answers. 0 = 1024. */
    unsigned questions;
};
#define RESOLVER_NO_CACHE UINT64_MAX
enum { RESOLVER_CACHE_RECORDS = 20000 };
/* Must be made before the jail closes (reads resolv.conf and the anchor). */
NODISCARD int resolver_new(const struct resolver_config *cfg, struct resolver **out, struct error *err);
void resolver_free(struct resolver *r); /* before loop_done; who still waits gets DNS_TEMPFAIL */

enum dns_status {
    DNS_OK,     /* there is an answer */
    DNS_NODATA, /* name exists, no record of the type */
    DNS_NXDOMAIN,
    DNS_TEMPFAIL, /* timeout, SERVFAIL, bogus */
};
enum dns_type {
    DNS_A = 1,
    DNS_CNAME = 5,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_TLSA = 52
};

struct dns_answer {
    enum dns_status status;
    bool secure; /* validated by DNSSEC */
    bool bogus;  /* validation failed: never use, tempfail */
    uint32_t ttl;
    struct str cname; /* canonical name if an alias was followed, else empty */
    size_t count;
    struct str *rdata; /* raw RDATA of each record, in arena */
};
/* Waits in the fiber. 0 when the look-up ended with any status; ERR_CANCELLED, ERR_NOMEM. */
NODISCARD int resolver_query(struct resolver *r, struct str name, enum dns_type type, struct arena *arena,
                             struct dns_answer *out);

/* Several look-ups at once, within the time of one or of `timeout_ms`, whichever is less (0 = no other limit). Those
 * without an answer by then have DNS_TEMPFAIL. */
struct dns_question {
    struct str name;
    enum dns_type type;
    struct dns_answer answer;
};
NODISCARD int resolver_query_many(struct resolver *r, struct dns_question *questions, size_t count, uint64_t timeout_ms,
                                  struct arena *arena);

struct dns_mx {
    uint16_t preference;
    struct str host; /* lower case, no final dot; "" for null MX (RFC 7505) */
};
/* MX sorted by preference, equal ones shuffled (RFC 5321 section 5.1). status as in resolver_query. */
NODISCARD int resolver_mx(struct resolver *r, struct str domain, struct arena *arena, enum dns_status *status,
                          bool *secure, struct dns_mx **mx, size_t *count);
/* A and AAAA together, in one list; port is set to `port`. */
NODISCARD int resolver_addresses(struct resolver *r, struct str host, uint16_t port, struct arena *arena,
                                 enum dns_status *status, bool *secure, struct net_addr **addr, size_t *count);
enum { DNS_REVERSE_MAX = 80 };
/* "1.2.0.192", or nibbles for IPv6: what a PTR look-up puts before in-addr.arpa or ip6.arpa, a DNS list before its zone
 * (RFC 5782). */
void dns_reverse_labels(const struct net_addr *a, char out[static DNS_REVERSE_MAX]);
/* The same with the zone of PTR records behind it. */
void dns_reverse_name(const struct net_addr *a, char out[static DNS_REVERSE_MAX]);
/* PTR names of an address. */
NODISCARD int resolver_ptr(struct resolver *r, const struct net_addr *a, struct arena *arena, enum dns_status *status,
                           struct str **names, size_t *count);
/* TXT records, character-strings of each joined. */
NODISCARD int resolver_txt(struct resolver *r, struct str name, struct arena *arena, enum dns_status *status,
                           struct str **texts, size_t *count);

#endif

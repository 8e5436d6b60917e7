/* What is known of the domains that mail goes to: whether DNSSEC validates where their mail goes, and their MTA-STS
 * policies, which outlive their records (RFC 8461 section 3 and 5.1) and restarts. Bounded; one answer serves all
 * connections of some minutes. In fibers. */
#ifndef IEMS_TRANSPORT_DOMAINS_H
#define IEMS_TRANSPORT_DOMAINS_H

#include "http/fetch.h"
#include "net/resolver.h"
#include "proto/tlspolicy/sts.h"
#include "proto/tlspolicy/tlsrpt.h"

enum {
    DOMAINS_MAX = 20000,
    DOMAINS_FRESH_MS = 5 * 60 * 1000, /* how long an answer serves; RFC 8461 section 3.3: failed fetches wait as long */
    DOMAINS_FETCH_MS = 20 * 1000,
    DOMAINS_REFRESH_S = 86400, /* a policy that lives on is fetched again after a day */
    DOMAINS_SAVED_MAX = 16 * 1024 * 1024,
};

struct domains;

struct domains_config {
    struct resolver *resolver;
    const struct http_client *http;
    bool dane, sts;
    uint16_t sts_port;
};

/* Lent until the fiber waits next; copy what is needed longer. */
struct domain_info {
    bool secure;          /* validated: the MX RRset, or without MX the domain's address */
    bool forged;          /* validation failed */
    struct str canonical; /* the end of an alias that is validated, or empty */
    bool has_policy;      /* live */
    struct sts_policy policy;
    struct str policy_text, policy_id;
    enum tlsrpt_result fault; /* why there is no new policy */
    char reason[200];         /* in words; "" = nothing is wrong */
};

struct domains *domains_new(void); /* NULL = out of memory */
void domains_free(struct domains *d);
void domains_configure(struct domains *d, const struct domains_config *config);
/* ERR_NOMEM, ERR_CANCELLED. Without DANE and MTA-STS nothing is asked. */
NODISCARD int domains_get(struct domains *d, struct str domain, struct domain_info *out);
/* Changes with each policy that came or went. */
uint64_t domains_version(const struct domains *d);
/* Live policies as lines, and from lines; what is damaged or has expired is passed over. */
void domains_save(const struct domains *d, struct buf *out);
void domains_load(struct domains *d, struct str lines);

#endif

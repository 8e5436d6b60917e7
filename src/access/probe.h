/* What DNS says of client addresses: reverse name with its confirmation, and DNS lists. A probe is begun when a client
 * connects, runs in fibers of its own, and is waited for late, when its result is needed; by then it has mostly ended.
 * Sessions of the same address share it, and it is kept for a while after it ended.
 *
 * Invariant: whoever waits has an answer within `timeout_ms` of the probe's begin, whatever the name servers do. */
#ifndef IEMS_ACCESS_PROBE_H
#define IEMS_ACCESS_PROBE_H

#include "access/dnslist.h"
#include "access/policy.h"
#include "base/list.h"
#include "base/map.h"
#include "net/fiber.h"

enum {
    PROBES_KEPT_MAX = 20000,
    PROBES_RUNNING_MAX = 2000, /* fibers; those beyond end at once without an answer */
    PROBE_NAME_MAX = 255,
    PROBE_REASON_MAX = 200,
};

struct probe_dns {
    int (*query_many)(void *arg, struct dns_question *q, size_t count, uint64_t timeout_ms, struct arena *arena);
    void *arg;
};

struct probes {
    struct probe_dns dns; /* query_many NULL: there is none, nothing is known of anybody */
    struct map *by_address;
    struct list recent; /* those that are kept, oldest first */
    unsigned kept, running;
    uint64_t timeout_ms, keep_ms;
    bool reasons; /* ask for the TXT record of a list that rejects */
};

enum probe_part { PROBE_NAME = 1, PROBE_LISTS = 2 };

struct probe {
    struct probes *probes;
    unsigned refs;
    unsigned begun, ended; /* PROBE_ bits */
    bool kept;
    uint64_t begun_ms, until_ms; /* until_ms: what is known is good until then, once all has ended */
    struct net_addr address;
    struct cond changed;
    struct list node;

    enum name_state name_state;
    char name[PROBE_NAME_MAX + 1]; /* confirmed, or the first that was not */
    struct dnslists *lists;        /* NULL before PROBE_LISTS is begun */
    unsigned char *results;        /* enum dnslist_result of each */
    struct dnslist_verdict verdict;
    char reason[PROBE_REASON_MAX + 1]; /* of the list that rejects */
};

NODISCARD int probes_init(struct probes *p);
void probes_done(struct probes *p); /* no fiber of a probe may be left */

/* The probe of an address with the parts wanted begun. `lists`: those of now. NULL: no DNS, or out of memory. */
struct probe *probe_get(struct probes *p, const struct net_addr *address, unsigned parts, struct dnslists *lists);
void probe_release(struct probe *probe); /* NULL is fine */
/* Waits until the parts have ended, or their time is over: what is not known then counts as unknown. 0, ERR_CANCELLED.
 */
NODISCARD int probe_wait(struct probe *probe, unsigned parts);

/* What DNS says of a domain as a place for mail; waits within the time of probes. DOMAIN_UNKNOWN when there is no
 * answer. */
NODISCARD int probe_domain(struct probes *p, struct str domain, enum domain_state *out);

#endif

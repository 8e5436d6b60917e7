/* DNS lists (RFC 5782): the zones that client addresses are looked up in, and what their answers mean. Pure. */
#ifndef IEMS_ACCESS_DNSLIST_H
#define IEMS_ACCESS_DNSLIST_H

#include "net/address.h"
#include "net/resolver.h"

enum { DNSLIST_ZONE_MAX = 200, DNSLIST_NAME_MAX = DNSLIST_ZONE_MAX + DNS_REVERSE_MAX + 2 };

/* Words of the column dnslist.policy, in their order (DNSBL-04). */
enum dnslist_policy { DNSLIST_REJECT, DNSLIST_TAG, DNSLIST_IGNORE };

struct dnslist {
    char zone[DNSLIST_ZONE_MAX + 1];
    bool allow; /* addresses on it skip the lists that block */
    enum dnslist_policy policy;
    struct net_range *answers; /* those that count; none: 127.0.0.0/8 (DNSBL-02) */
    size_t answer_count;
    /* A list that does not answer rests for a while (DNSBL-10). */
    unsigned failures;
    uint64_t rests_until_ms;
    uint64_t told_ms; /* when it was last logged that it does not serve us; 0 = never */
};

/* The lists as they are at a time; probes that use them hold them. */
struct dnslists {
    unsigned refs;
    size_t count;
    struct dnslist list[];
};
struct dnslists *dnslists_new(size_t count);
struct dnslists *dnslists_ref(struct dnslists *l);
void dnslists_unref(struct dnslists *l); /* NULL is fine */

/* "2.0.0.127.zen.example.org" */
void dnslist_name(const struct dnslist *l, const struct net_addr *client, char out[static DNSLIST_NAME_MAX]);

enum dnslist_result {
    DNSLIST_MISS,
    DNSLIST_HIT,
    DNSLIST_UNANSWERED,
    DNSLIST_REFUSED, /* 127.255.255.x: the list tells that it does not serve us; never a listing */
};
enum dnslist_result dnslist_judge(const struct dnslist *l, const struct dns_answer *a);
/* Counts for the rest of a list; true when a rest begins. */
bool dnslist_note(struct dnslist *l, enum dnslist_result result, uint64_t now_ms);

/* What all results together mean. */
struct dnslist_verdict {
    bool allowed;    /* a list that allows has the address: nothing else counts */
    size_t rejected; /* index of the first list that rejects; SIZE_MAX = none */
    size_t tagged;   /* how many tag */
};
void dnslist_decide(const struct dnslists *l, const unsigned char *results, struct dnslist_verdict *out);

#endif

#include "access/dnslist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAILURES_MAX = 5, REST_MS = 60 * 1000 };

struct dnslists *dnslists_new(size_t count) {
    struct dnslists *l = calloc(1, sizeof *l + count * sizeof l->list[0]);
    if (l == NULL) return NULL;
    l->refs = 1;
    l->count = count;
    return l;
}

struct dnslists *dnslists_ref(struct dnslists *l) {
    l->refs++;
    return l;
}

void dnslists_unref(struct dnslists *l) {
    if (l == NULL || --l->refs > 0) return;
    for (size_t i = 0; i < l->count; i++) free(l->list[i].answers);
    free(l);
}

void dnslist_name(const struct dnslist *l, const struct net_addr *client, char out[static DNSLIST_NAME_MAX]) {
    char labels[DNS_REVERSE_MAX];
    dns_reverse_labels(client, labels);
    (void)snprintf(out, DNSLIST_NAME_MAX, "%s.%s", labels, l->zone);
}

static bool counts(const struct dnslist *l, const struct net_addr *a) {
    if (l->answers == NULL) return a->ip[0] == 127;
    return net_range_list_has(l->answers, l->answer_count, a);
}

enum dnslist_result dnslist_judge(const struct dnslist *l, const struct dns_answer *a) {
    enum dnslist_result result = DNSLIST_MISS;
    if (a->status == DNS_TEMPFAIL) return DNSLIST_UNANSWERED;
    for (size_t i = 0; a->status == DNS_OK && i < a->count; i++) {
        struct net_addr addr = {.family = AF_INET};
        if (a->rdata[i].len != 4) continue;
        memcpy(addr.ip, a->rdata[i].ptr, 4);
        if (memcmp(addr.ip, "\x7f\xff\xff", 3) == 0) return DNSLIST_REFUSED;
        if (counts(l, &addr)) result = DNSLIST_HIT;
    }
    return result;
}

bool dnslist_note(struct dnslist *l, enum dnslist_result result, uint64_t now_ms) {
    if (result != DNSLIST_UNANSWERED) {
        l->failures = 0;
        return false;
    }
    if (++l->failures < FAILURES_MAX) return false;
    l->failures = 0;
    l->rests_until_ms = now_ms + REST_MS;
    return true;
}

void dnslist_decide(const struct dnslists *l, const unsigned char *results, struct dnslist_verdict *out) {
    struct dnslist_verdict v = {.rejected = SIZE_MAX};
    for (size_t i = 0; i < l->count; i++) {
        if (results[i] != DNSLIST_HIT) continue;
        v.allowed |= l->list[i].allow;
        if (l->list[i].allow || l->list[i].policy == DNSLIST_IGNORE) continue;
        if (l->list[i].policy == DNSLIST_TAG)
            v.tagged++;
        else if (v.rejected == SIZE_MAX)
            v.rejected = i;
    }
    if (v.allowed) v = (struct dnslist_verdict){.allowed = true, .rejected = SIZE_MAX};
    *out = v;
}

/* What came of TLS sessions, by period and domain, for reports (RFC 8460 section 4). Bounded: domains beyond the
 * maximum are not counted, kinds of failures of a domain beyond theirs are counted together. Pure; times are given. */
#ifndef IEMS_TRANSPORT_TALLY_H
#define IEMS_TRANSPORT_TALLY_H

#include "proto/tlspolicy/tlsrpt.h"

enum {
    TALLY_DOMAINS_MAX = 10000, /* of all periods together */
    TALLY_FAILURES_MAX = 20,   /* kinds of failures of one domain and policy */
    TALLY_STRINGS_MAX = 20,
    TALLY_POLICIES_MAX = 20, /* in one report; what is more is in the next */
    TALLY_SAVED_MAX = 32 * 1024 * 1024,
};

struct tally;

struct tally_event {
    struct str domain; /* of the recipients */
    struct str base;   /* of the policy, if it is another: the TLSA base domain */
    enum tlsrpt_policy_type type;
    struct str policy; /* its lines */
    const struct str *mx;
    size_t mx_count; /* patterns of an MTA-STS policy */
    enum tlsrpt_result result;
    struct str sending_ip, host, ip, reason;
};

struct tally *tally_new(void); /* NULL = out of memory */
void tally_free(struct tally *t);
/* Length of a period in seconds; changing it ends the present one. */
void tally_set_period(struct tally *t, uint64_t seconds);
void tally_note(struct tally *t, const struct tally_event *e, int64_t now_s);
/* The next domain of a period that has ended: its report without organization, contact and id, in the arena; it is
 * taken out. ERR_NOTFOUND: there is none. ERR_NOMEM. */
NODISCARD int tally_take(struct tally *t, int64_t now_s, struct arena *arena, struct tlsrpt_report *out);
/* When the present period ends. */
int64_t tally_period_end(const struct tally *t, int64_t now_s);
uint64_t tally_version(const struct tally *t);
void tally_save(const struct tally *t, struct buf *out);
void tally_load(struct tally *t, struct str lines);

#endif

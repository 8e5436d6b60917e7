/* Delivery reports as queue entries: made of a leased entry and put among the outputs of the commit that also settles
 * the recipients they tell of, so that a report is sent exactly once. */
#ifndef IEMS_CHANNEL_REPORT_H
#define IEMS_CHANNEL_REPORT_H

#include "channel/channel.h"
#include "proto/dsn/dsn.h"

struct report_config {
    struct str hostname, domain; /* this server; default domain: "postmaster@domain" writes the report */
    uint64_t full_max;           /* messages up to this size may be given back whole (mta.bounce_size) */
    struct str text;             /* instead of the built-in one (proto/dsn/template.c); empty = built-in */
    bool to_postmaster;          /* instead of the sender: double bounces, loops (LOOP-03) */
};

struct report_outcome {
    size_t recipient; /* index in the entry */
    enum dsn_action action;
    struct str status, reason, remote_mta, diagnostic; /* see struct dsn_recipient */
    int64_t will_retry_until;                          /* seconds since 1970 */
};

struct report {
    Store__NewEntry *output; /* in the lease's arena */
    struct str body;         /* attach of the commit */
};

/* A report about a message that was marked as spam (SQM-08): known by a tag that report_make gives it. */
bool report_is_of_spam(const Store__Entry *e);
/* Whether the outcome is to be told for this recipient. */
bool report_wanted(const Store__Entry *e, const struct report_outcome *o, bool delay_by_default);
/* Whether the postmaster is told of failures instead of the sender: `wanted`, or there is no sender and
 * `double_bounces` (RFC 3461 section 5.2), but never of what the postmaster could not get. */
bool report_to_postmaster(const Store__Entry *e, bool wanted, bool double_bounces);
/* Makes one report of all outcomes. May read the message from the store. */
NODISCARD int report_make(struct lease *l, const struct report_config *config, const struct report_outcome *outcomes,
                          size_t count, struct report *out, struct error *err);

#endif

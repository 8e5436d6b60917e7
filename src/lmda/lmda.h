/* iems-lmda: takes messages from the LOCAL queue and files them into mailboxes, each recipient exactly once: the
 * mailbox record is made in the commit that takes the recipient off the entry (LMDA-01, LMDA-04, LMDA-06). */
#ifndef IEMS_LMDA_LMDA_H
#define IEMS_LMDA_LMDA_H

#include "channel/channel.h"
#include "channel/report.h"
#include "rpc/dir_methods.h"

struct lmda {
    struct daemon *daemon;
    struct channel *channel;
    struct rpc_client *dir;
    struct {
        uint64_t delivered, bytes, deferred, bounced;
    } counters;
};

/* Works on one leased message. In a fiber. */
void lmda_deliver(struct lease *l, void *lmda);

enum delivery_state {
    DELIVERY_PENDING, /* to be filed */
    DELIVERY_FAILED,  /* to be reported and taken off */
    DELIVERY_WAITS,   /* stays in the entry: tried again */
    DELIVERY_DONE,
};

struct delivery {
    enum delivery_state state;
    const char *status, *text; /* FAILED, WAITS */
};

/* What becomes of a recipient whose mailbox is full: waits for up to `retry_s`, then fails. Pure (QUOTA-14). */
struct delivery delivery_over_quota(int64_t created_ms, int64_t now_ms, uint64_t retry_s);
/* What the directory's answer means for a recipient that came without an account: DELIVERY_PENDING with account, quota
 * and folder filled in, or FAILED. Pure. */
struct delivery delivery_resolved(Store__Recipient *r, const Dir__Resolved *resolved);

#endif

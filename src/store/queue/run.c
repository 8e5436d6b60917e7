/* ETRN and `iems queue run` (RFC 1985, SQST-02): what waits for a destination is tried now. */
#include "store/queue/private.h"

static void run_dest(struct dest *d, uint64_t *deferred, Store__QueueRan *reply) {
    *deferred += d->deferred;
    reply->destinations++;
    reply->waiting += d->ready + d->deferred + d->leased;
    d->told = false;
    if (d->until > DEST_WAIT_OVER)
        dest_wait(d, DEST_WAIT_OVER, STR_EMPTY, d->attempts);
    else
        dest_settle(d);
}

int queue_run(struct queue *q, const Store__QueueRun *r, Store__QueueRan *reply, struct error *err) {
    struct channel *c = channel_find(q, str_from(r->channel));
    struct str name;
    void *p;
    uint64_t deferred = 0, count;
    for (size_t pos = 0; c != NULL && map_next(c->dests, &pos, &name, &p);) {
        struct dest *d = p;
        if (d->ready + d->deferred + d->leased == 0 || !dest_name_matches(name, str_from(r->destination))) continue;
        run_dest(d, &deferred, reply);
    }
    if (deferred == 0) return 0;
    Store__QueueFilter filter = STORE__QUEUE_FILTER__INIT;
    Store__QueueAction action = STORE__QUEUE_ACTION__INIT;
    filter.channel = r->channel;
    filter.destination = r->destination;
    action.filter = &filter;
    action.verb = STORE__QUEUE_VERB__VERB_RETRY;
    return queue_action(q, &action, &count, err);
}

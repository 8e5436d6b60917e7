/* ETRN and `iems queue run` (RFC 1985, SQST-02): what waits for a destination is tried now. */
#include "store/queue/private.h"

#include <stdlib.h>

enum { AT_ONCE_MAX = 2000, BACKGROUND_MAX = 64 };

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

static int run_deferred(struct queue *q, struct str channel, struct str destination, struct error *err) {
    Store__QueueFilter filter = STORE__QUEUE_FILTER__INIT;
    Store__QueueAction action = STORE__QUEUE_ACTION__INIT;
    uint64_t count;
    filter.channel = (char *)(uintptr_t)channel.ptr; /* both end with a NUL */
    filter.destination = (char *)(uintptr_t)destination.ptr;
    action.filter = &filter;
    action.verb = STORE__QUEUE_VERB__VERB_RETRY;
    return queue_action(q, &action, &count, err);
}

/* --- many: the caller need not wait, the first are offered at once */
struct later {
    struct queue *q;
    char *channel, *destination;
};

static void later_free(struct later *l) {
    free(l->channel);
    free(l->destination);
    free(l);
}

static void later_fiber(void *arg) {
    struct later *l = arg;
    struct queue *q = l->q;
    (void)!run_deferred(q, str_from(l->channel), str_from(l->destination), NULL);
    later_free(l);
    q->background--;
}

static int run_later(struct queue *q, const Store__QueueRun *r) {
    if (q->background >= BACKGROUND_MAX) return ERR_LIMIT;
    struct later *l = calloc(1, sizeof *l);
    IEMS_ASSERT(l != NULL);
    *l = (struct later){q, str_dup(str_from(r->channel)), str_dup(str_from(r->destination))};
    q->background++;
    if (fiber_spawn("queue run", later_fiber, l, NULL) == 0) return 0;
    q->background--;
    later_free(l);
    return ERR_NOMEM;
}

int queue_run(struct queue *q, const Store__QueueRun *r, Store__QueueRan *reply, struct error *err) {
    struct channel *c = channel_find(q, str_from(r->channel));
    struct str name;
    void *p;
    uint64_t deferred = 0;
    for (size_t pos = 0; c != NULL && map_next(c->dests, &pos, &name, &p);) {
        struct dest *d = p;
        if (d->ready + d->deferred + d->leased == 0 || !dest_name_matches(name, str_from(r->destination))) continue;
        run_dest(d, &deferred, reply);
    }
    if (deferred == 0) return 0;
    if (deferred > AT_ONCE_MAX && run_later(q, r) == 0) return 0;
    return run_deferred(q, str_from(r->channel), str_from(r->destination), err);
}

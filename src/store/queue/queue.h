/* The message queue: entries wait in channels (INPUT, LOCAL, SMTPC, ...), there by destination, ordered by priority and
 * queue id. Clients are told by push; what they hold is leased, in memory only. Every step is one atomic commit.
 *
 * An entry is READY, DEFERRED (until its time) or HELD; the index of the engine says which, so that memory holds only
 * counts and a window of the next READY entries of each destination. An entry that is `busy` (a commit that moves it is
 * under way) or leased is left alone by everything else. */
#ifndef IEMS_STORE_QUEUE_QUEUE_H
#define IEMS_STORE_QUEUE_QUEUE_H

#include "rpc/store_methods.h"
#include "store/mailbox/mailbox.h"

enum {
    QUEUE_RECIPIENTS_MAX = 100000, /* of one entry */
    QUEUE_OUTPUTS_MAX = 100000,    /* of one commit */
    QUEUE_TEXT_MAX = 1000,         /* channel, destination, reason, ... */
    QUEUE_LIST_MAX = 1000,         /* entries in one reply */
};

struct queue;

/* A connected peer. The owner embeds it, calls queue_client_init and, when the peer is gone, queue_client_gone. */
struct queue_client {
    struct list leases, listens;
    unsigned attention; /* leases given for attention */
    unsigned pins;      /* fibers that work for it */
    bool gone;
    /* Sends an event; must not wait. */
    int (*send)(struct queue_client *c, uint16_t event, const ProtobufCMessage *msg, struct str attach);
    /* True while so much is unsent that nothing should be pushed. */
    bool (*clogged)(struct queue_client *c);
    /* Nothing refers to it any more, after queue_client_gone. */
    void (*released)(struct queue_client *c);
};
void queue_client_init(struct queue_client *c);
void queue_client_unpin(struct queue_client *c);
/* Its leases return; calls `released`, now or later. */
void queue_client_gone(struct queue *q, struct queue_client *c);

/* `submitting` etc. must not be called before queue_start has returned. */
struct queue *queue_new(struct store *st, struct blobs *bs, struct mailboxes *m);
NODISCARD int queue_start(struct queue *q, struct error *err); /* in a fiber: reads the index */
void queue_stop(struct queue *q);                              /* in a fiber: ends its fibers */
void queue_free(struct queue *q);
/* An entry was put aside (MTA-17). */
struct queue_quarantined {
    uint64_t id;
    const char *trace, *channel, *destination, *sender, *reason;
};
void queue_on_quarantined(struct queue *q, void (*fn)(const struct queue_quarantined *what, void *arg), void *arg);
void queue_set_trace_days(struct queue *q, unsigned days);

/* --- all in fibers */
/* The body is `upload` (taken over on success) or, if NULL, `body`. Returns when durable. */
NODISCARD int queue_submit(struct queue *q, const Store__QueueSubmit *request, struct upload *upload, struct str body,
                           uint64_t *id, struct error *err);
NODISCARD int queue_listen(struct queue *q, struct queue_client *c, const Store__QueueListen *request,
                           struct error *err);
NODISCARD int queue_lease(struct queue *q, struct queue_client *c, const Store__QueueLease *request, uint32_t *count,
                          struct error *err);
/* `reply` and what it points to live in `arena`. */
NODISCARD int queue_commit(struct queue *q, struct queue_client *c, const Store__QueueCommit *request, struct str body,
                           struct arena *arena, Store__QueueCommitted *reply, struct error *err);
NODISCARD int queue_read(struct queue *q, uint64_t id, uint64_t offset, uint64_t length, struct buf *out,
                         uint64_t *total, struct error *err);
NODISCARD int queue_destination_defer(struct queue *q, const Store__DestinationDefer *request, struct error *err);
NODISCARD int queue_destination_list(struct queue *q, const Store__DestinationList *request, struct arena *arena,
                                     Store__DestinationListed *reply);
NODISCARD int queue_list(struct queue *q, const Store__QueueList *request, struct arena *arena,
                         Store__QueueListed *reply, struct error *err);
NODISCARD int queue_action(struct queue *q, const Store__QueueAction *request, uint64_t *count, struct error *err);
/* ETRN and `iems queue run`: what waits for the destination becomes ready, its rest ends. */
NODISCARD int queue_run(struct queue *q, const Store__QueueRun *request, Store__QueueRan *reply, struct error *err);
void queue_stats(struct queue *q, struct arena *arena, Store__QueueStats *reply);
NODISCARD int queue_trace_add(struct queue *q, const Store__TraceAdd *request, struct error *err);
NODISCARD int queue_trace_find(struct queue *q, struct str key, uint32_t limit, struct arena *arena,
                               Store__TraceFound *reply, struct error *err);

struct queue_counters {
    uint64_t submitted, submitted_bytes, leased, commits, consumed, deferred, delivered, over_quota, no_account,
        quarantined;
};
const struct queue_counters *queue_counters(const struct queue *q);

#endif

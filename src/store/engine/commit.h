/* The committer: the one writer of the store. The loop thread hands it batches; it writes them in that order, all that
 * wait in one write, and syncs for all durable ones together (group commit). Batches that come while a sync runs gather
 * for the next; if they are many, they are written meanwhile. Completions run on the loop thread, in order of sequence
 * numbers per kind.
 *
 * A batch has a sequence number. RELAXED completes when it is written (visible to every reader); DURABLE when it, and
 * so everything before it, has been synced; SHARED is durable too, but waits up to COMMIT_SHARED_MS for a sync that
 * another one asks for. Relaxed batches are synced within COMMIT_LAZY_MS if nothing else syncs.
 * A failed write or sync is fail-stop: `failed` is called once, nothing completes any more. */
#ifndef IEMS_STORE_ENGINE_COMMIT_H
#define IEMS_STORE_ENGINE_COMMIT_H

#include "store/engine/engine.h"

enum commit_kind { COMMIT_RELAXED, COMMIT_DURABLE, COMMIT_SHARED };
enum { COMMIT_LAZY_MS = 1000, COMMIT_SHARED_MS = 4, COMMIT_LATENCY_BUCKETS = 12 };

struct committer;

struct commit_config {
    struct engine *engine;
    /* Runs fn(arg) on the loop thread, soon; called from the committer's threads (loop_post). */
    void (*post)(void (*fn)(void *arg), void *arg);
    /* On the loop thread. */
    void (*failed)(int code, const char *text, void *arg);
    void *arg;
};

/* `rc` is 0 or ERR_CONFLICT (an assert of the batch did not hold). */
typedef void (*commit_done)(void *arg, int rc);

NODISCARD int committer_new(const struct commit_config *cfg, struct committer **out);
/* Writes and syncs what is left; completions that were not delivered are dropped. */
void committer_free(struct committer *c);

/* Takes the batch over (it is empty afterwards). `done` may be NULL. Returns the sequence number. An empty batch is a
 * mere marker in the order. */
uint64_t commit_submit(struct committer *c, struct batch *b, enum commit_kind kind, commit_done done, void *arg);
/* Calls `done` when everything up to `seq` is durable: at once (from within) if it is already. */
void commit_barrier(struct committer *c, uint64_t seq, commit_done done, void *arg);
/* Calls `done` when everything up to `seq` is written, at once if it is. */
void commit_applied_wait(struct committer *c, uint64_t seq, commit_done done, void *arg);

uint64_t commit_last(const struct committer *c);    /* submitted */
uint64_t commit_applied(const struct committer *c); /* written, as the loop thread knows */
uint64_t commit_durable(const struct committer *c);

struct commit_stats {
    uint64_t batches, writes, syncs, bytes;
    uint64_t sync_us;                              /* sum */
    uint64_t sync_latency[COMMIT_LATENCY_BUCKETS]; /* count with latency below commit_latency_us[i]; last: all others */
};
extern const unsigned commit_latency_us[COMMIT_LATENCY_BUCKETS - 1];
void commit_get_stats(struct committer *c, struct commit_stats *out);

#endif

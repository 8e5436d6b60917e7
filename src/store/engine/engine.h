/* The storage engine: an ordered byte-key store with snapshots, range scans and atomic batches. Keys compare as
 * unsigned bytes. Every function may be called from any thread and may block, except reads with READ_MEMORY.
 * What was written is visible at once; it is durable when a later engine_sync has returned. After a crash the engine
 * holds the effect of a prefix of the batches in the order written, which includes all that were synced. */
#ifndef IEMS_STORE_ENGINE_ENGINE_H
#define IEMS_STORE_ENGINE_ENGINE_H

#include "store/engine/batch.h"

enum engine_read {
    READ_ANY,    /* may wait for the disk */
    READ_MEMORY, /* ERR_AGAIN instead of waiting for the disk */
};

struct engine_iter;
struct engine_snapshot;

struct engine {
    const struct engine_ops *ops;
    bool damaged;           /* engine_config.damaged */
    _Atomic uint64_t holes; /* places that scans of such a one passed over, as they cannot be read */
};

struct engine_range {
    enum engine_space space;
    enum engine_read read;
    bool reverse;
    bool once;                        /* a long scan: do not fill the cache, read ahead */
    struct str from;                  /* inclusive; empty = from the first */
    struct str to;                    /* exclusive; empty = to the last */
    struct engine_snapshot *snapshot; /* or NULL: state of now */
};

struct engine_stats {
    uint64_t memory_tables, cache, readers; /* bytes */
    uint64_t keys_estimate, live_bytes;
    uint64_t disk[SPACE_COUNT], garbage; /* bytes in files; garbage: in those, of what was replaced or deleted */
};

typedef void (*engine_take)(void *arg, struct str value);

struct engine_ops {
    const char *name;
    void (*close)(struct engine *e);
    int (*get)(struct engine *e, enum engine_space space, struct str key, enum engine_read read,
               struct engine_snapshot *snap, engine_take take, void *arg);
    /* Writes the batches in order, each atomically. results[i] is 0 or ERR_CONFLICT; any other failure is returned and
     * nothing may be written any more. */
    int (*write)(struct engine *e, const struct batch *const *batches, size_t count, int *results, struct error *err);
    int (*sync)(struct engine *e, struct error *err);
    int (*iter_open)(struct engine *e, const struct engine_range *r, struct engine_iter **out);
    bool (*iter_next)(struct engine_iter *it, struct str *key, struct str *value);
    int (*iter_close)(struct engine_iter *it);
    struct engine_snapshot *(*snapshot_new)(struct engine *e);
    void (*snapshot_free)(struct engine *e, struct engine_snapshot *s);
    int (*checkpoint)(struct engine *e, const char *dir, struct error *err);
    int (*compact)(struct engine *e, enum engine_space space, struct str from, struct str to, struct error *err);
    void (*compact_stop)(struct engine *e);
    int (*settle)(struct engine *e, struct error *err);
    void (*stats)(struct engine *e, struct engine_stats *out);
};

struct engine_config {
    const char *dir;
    size_t cache_bytes; /* block cache */
    bool damaged; /* open it though files are missing or bad: what is in them cannot be read, and scans pass over it */
};
NODISCARD int engine_rocksdb_open(const struct engine_config *cfg, struct engine **out, struct error *err);
NODISCARD int engine_memory_open(struct engine **out);
/* Forgets what was not synced, as a power cut would. Memory engine only. */
void engine_memory_crash(struct engine *e);

void engine_close(struct engine *e); /* NULL is fine */
/* Calls `take` with the value, lent during the call. 0, ERR_NOTFOUND, ERR_AGAIN (READ_MEMORY), ERR_CORRUPT, ERR_IO. */
NODISCARD int engine_visit(struct engine *e, enum engine_space space, struct str key, enum engine_read read,
                           engine_take take, void *arg);
/* Appends the value to `out`. As above, or ERR_LIMIT/ERR_NOMEM of the buffer. */
NODISCARD int engine_get(struct engine *e, enum engine_space space, struct str key, enum engine_read read,
                         struct buf *out);
NODISCARD int engine_get_at(struct engine *e, struct engine_snapshot *snap, enum engine_space space, struct str key,
                            struct buf *out);
NODISCARD int engine_write(struct engine *e, const struct batch *const *batches, size_t count, int *results,
                           struct error *err);
NODISCARD int engine_write_one(struct engine *e, const struct batch *b, struct error *err);
NODISCARD int engine_sync(struct engine *e, struct error *err);

/* for (iter; engine_iter_next(...);) ...; rc = engine_iter_close(it): 0, ERR_AGAIN, ERR_CORRUPT, ERR_IO. Views are lent
 * until the next call. */
NODISCARD int engine_iter_open(struct engine *e, const struct engine_range *r, struct engine_iter **out);
bool engine_iter_next(struct engine *e, struct engine_iter *it, struct str *key, struct str *value);
int engine_iter_close(struct engine *e, struct engine_iter *it);

struct engine_snapshot *engine_snapshot_new(struct engine *e);
void engine_snapshot_free(struct engine *e, struct engine_snapshot *s);
/* A consistent copy that opens as a store of its own; `dir` must not exist. */
NODISCARD int engine_checkpoint(struct engine *e, const char *dir, struct error *err);
/* Gives back the room of what was replaced or deleted in [from, to); empty = without a bound. May take long; others go
 * on meanwhile. */
NODISCARD int engine_compact(struct engine *e, enum engine_space space, struct str from, struct str to,
                             struct error *err);
/* Merges new tables of META into the old ones, if there are some and that is little work. For quiet times; others go on
 * meanwhile. */
NODISCARD int engine_settle(struct engine *e, struct error *err);
void engine_compact_stop(struct engine *e); /* for good: who compacts comes back at once */
void engine_get_stats(struct engine *e, struct engine_stats *out);

#endif

/* The core that queue and mailbox stand on: the engine, the committer, identifiers, and reads for fibers that go to a
 * worker thread when the disk is needed. All decisions are made on the loop thread; what is read from the engine after
 * a wait is checked again against the state in memory, which is ahead of it. */
#ifndef IEMS_STORE_STORE_H
#define IEMS_STORE_STORE_H

#include "store/engine/commit.h"
#include "store/key.h"
#include "store/wire.h"

enum { STORE_FORMAT = 7, STORE_IDS_BLOCK = 65536, STORE_VALUE_MAX = 64 * 1024 * 1024 };

struct store {
    struct engine *engine;
    struct committer *commits;
    uint64_t next_id, reserved_id;
    uint32_t found_format; /* at the start */
    bool failed;
};

/* Takes the engine over (also on failure). Checks the format version: ERR_UNSUPPORTED when the store is newer. `failed`
 * is called on the loop thread when a write failed: the process must end. */
NODISCARD int store_open(struct engine *e, void (*failed)(int code, const char *text, void *arg), void *arg,
                         struct store **out, struct error *err);
void store_close(struct store *st);

/* A new identifier (queue id, blob, folder). Never given twice, also after a crash: blocks are reserved in the order of
 * commits, before what uses them. */
uint64_t store_new_id(struct store *st);
static inline uint64_t store_last_id(const struct store *st) {
    return st->next_id - 1;
}

/* --- in fibers */
/* Appends the value of the key to `out`: from memory, else by a worker. 0, ERR_NOTFOUND, ERR_CORRUPT, ERR_IO,
 * ERR_LIMIT. */
NODISCARD int store_get(struct store *st, enum engine_space space, struct str key, struct buf *out);
/* Calls `each` for the pairs of the range on a worker thread until it returns false. The fiber waits. `each` must touch
 * nothing but `arg`. */
NODISCARD int store_scan(struct store *st, const struct engine_range *r,
                         bool (*each)(void *arg, struct str key, struct str value), void *arg);
/* Commits and waits: until written (RELAXED) or durable. ERR_CANCELLED: the fiber was cancelled, the commit goes on. */
NODISCARD int store_commit(struct store *st, struct batch *b, enum commit_kind kind, uint64_t *seq);
NODISCARD int store_wait_durable(struct store *st, uint64_t seq);
NODISCARD int store_wait_applied(struct store *st, uint64_t seq);
/* Runs fn(arg) on a worker. */
NODISCARD int store_work(void (*fn)(void *arg), void *arg);

#endif

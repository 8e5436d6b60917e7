/* An atomic set of changes to an engine: built by one thread, then handed to the committer (commit.h). */
#ifndef IEMS_STORE_ENGINE_BATCH_H
#define IEMS_STORE_ENGINE_BATCH_H

#include "base/buf.h"

/* Two key spaces: small records, and the bytes of message bodies (kept in blob files by the engine). */
enum engine_space { SPACE_META, SPACE_BLOB, SPACE_COUNT };

enum { BATCH_MAX = 64 * 1024 * 1024, BATCH_KEY_MAX = 4096 };

struct batch {
    struct buf ops;
    size_t count;   /* changes, asserts not counted */
    size_t expects; /* asserts */
};

enum batch_kind { BATCH_PUT, BATCH_DELETE, BATCH_DELETE_RANGE, BATCH_EXPECT, BATCH_EXPECT_ABSENT };

struct batch_op {
    enum batch_kind kind;
    enum engine_space space;
    struct str key, value; /* DELETE_RANGE: value is the end (exclusive) */
};

void batch_init(struct batch *b);
void batch_done(struct batch *b);
void batch_put(struct batch *b, enum engine_space space, struct str key, struct str value);
/* The value is the two pieces, one behind the other. */
void batch_put2(struct batch *b, enum engine_space space, struct str key, struct str head, struct str tail);
void batch_delete(struct batch *b, enum engine_space space, struct str key);
void batch_delete_range(struct batch *b, enum engine_space space, struct str from, struct str to);
/* The batch takes effect only if the key has this value (or is absent) when it is written; else ERR_CONFLICT. */
void batch_expect(struct batch *b, enum engine_space space, struct str key, struct str value);
void batch_expect_absent(struct batch *b, enum engine_space space, struct str key);
static inline int batch_error(const struct batch *b) {
    return b->ops.error;
}
static inline bool batch_empty(const struct batch *b) {
    return b->ops.len == 0;
}
/* Start with *pos = 0; false at the end. Views point into the batch. */
bool batch_next(const struct batch *b, size_t *pos, struct batch_op *op);

#endif

/* Message bodies: immutable, kept in chunks of BLOB_CHUNK bytes (the last one shorter), each as it came or packed
 * (pack.h), which its length tells; counted references. A body is born with one reference; the count record is written
 * again only when the net number changes; with the last reference everything of it goes. Counts that are in use live in
 * memory and are ahead of the engine. */
#ifndef IEMS_STORE_BLOB_BLOB_H
#define IEMS_STORE_BLOB_BLOB_H

#include "base/list.h"
#include "store/store.h"

enum { BLOB_CHUNK = 128 * 1024, BLOB_CACHE_MAX = 16384 };

struct blobs;

struct blob {
    uint64_t id, size;
    uint32_t refs;
    bool counted; /* a count record was written */
    enum { BLOB_INDEX_UNKNOWN, BLOB_INDEX_NONE, BLOB_INDEX_WAITS, BLOB_INDEX_MADE } index; /* search/index.h */
    unsigned pins;
    uint64_t seq; /* the engine is up to date once this is written */
    struct list lru;
};

struct blobs *blobs_new(struct store *st);
void blobs_free(struct blobs *bs);
/* Deletes uploads that a crash left behind. In a fiber, once at start. */
NODISCARD int blobs_recover(struct blobs *bs, uint64_t *removed);

/* Adds a new body with `refs` references to the batch. `summary` may be empty. */
uint64_t blob_create(struct blobs *bs, struct batch *b, struct str body, struct str summary, uint32_t refs);
/* Brings the count of a blob into memory and holds it there. In a fiber. ERR_NOTFOUND, ERR_CORRUPT. */
NODISCARD int blob_pin(struct blobs *bs, uint64_t id, struct blob **out);
void blob_unpin(struct blobs *bs, struct blob *blob); /* NULL is fine */
/* Changes the count in memory and in the batch, which the caller submits before it waits again. */
void blob_add_refs(struct blobs *bs, struct batch *b, struct blob *blob, int delta);

/* A mailbox has the body from this batch on: a signature for searches is wanted. Once for a body is enough; copies of
 * messages need it not. */
void blob_wait_index(struct blobs *bs, struct batch *b, uint64_t id);
/* Puts the signature, if the body is still there. */
void blob_put_signature(struct blobs *bs, struct batch *b, struct blob *blob, struct str signature);
/* Calls `waits` when a body begins to wait; it must not wait itself. */
void blobs_on_wait_index(struct blobs *bs, void (*waits)(void *arg, uint64_t id), void *arg);

/* Appends bytes [offset, offset + len) of a body of `size` bytes. In a fiber. ERR_NOTFOUND when it is gone. */
NODISCARD int blob_read(struct store *st, uint64_t id, uint64_t size, uint64_t offset, uint64_t len, struct buf *out);
/* The same, on any thread; may block unless READ_MEMORY. */
NODISCARD int blob_read_now(struct engine *e, uint64_t id, uint64_t size, uint64_t offset, uint64_t len,
                            enum engine_read read, struct buf *out);
/* Appends the whole of a body as it is stored (pieces.h). On any thread; may block. */
NODISCARD int blob_read_stored(struct engine *e, uint64_t id, uint64_t size, struct buf *out);
/* Appends bytes [from, from + len) of a chunk of `chunk_len` bytes that is stored as `value`. On any thread.
 * ERR_CORRUPT. */
NODISCARD int blob_chunk_unpack(struct str value, size_t chunk_len, size_t from, size_t len, struct buf *out);
/* Keeps a summary with the body, which somebody refers to: for records that do without. */
void blob_put_summary(struct batch *b, uint64_t id, uint64_t size, struct str summary);
NODISCARD int blob_summary(struct store *st, uint64_t id, struct buf *out); /* in a fiber; ERR_NOTFOUND */

/* --- packing: not at acceptance, but once a body is in a mailbox and its signature is made (pack_bodies.c) */
struct pack_stats {
    uint64_t bodies, bytes, packed; /* since the start: what was looked at, and what it takes now */
};
/* Packs the chunks of pinned bodies (NULL: none) that are not packed. Commits as it goes; a body that goes meanwhile is
 * left alone, and what is not done at `deadline` (loop time) stays as it is. In a fiber. ERR_CANCELLED: blobs_stop. */
NODISCARD int blobs_pack(struct blobs *bs, struct blob *const *list, size_t count, uint64_t deadline);
/* Gives back the room of what was replaced by packed chunks, and of records that were not merged, when it is worth it.
 * In a fiber. Unless it is quiet, only when it is much. */
NODISCARD int blobs_tidy(struct blobs *bs, bool quiet);
void blobs_stop(struct blobs *bs); /* whoever packs or tidies ends soon */
const struct pack_stats *blobs_pack_stats(const struct blobs *bs);

/* --- uploads: bodies that arrive in pieces */
struct upload {
    struct list link; /* for the owner */
    uint64_t id, size;
    uint32_t chunks; /* written */
    struct buf tail; /* not yet a whole chunk */
};
struct upload *upload_new(struct blobs *bs);
/* Takes the bytes at once; then waits until whole chunks are written. In a fiber. */
NODISCARD int upload_append(struct blobs *bs, struct upload *u, struct str bytes);
/* Makes the upload a body: adds what is needed to the batch, frees the upload. Returns the blob's id. */
uint64_t upload_finish(struct blobs *bs, struct batch *b, struct upload *u, struct str summary, uint32_t refs);
/* Forgets it and deletes what was written (relaxed, not waited for). */
void upload_drop(struct blobs *bs, struct upload *u);

#endif

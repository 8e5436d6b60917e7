/* Packs bodies in the background. A chunk is read, packed and compared on a worker; then, on the loop thread, it is put
 * in the place of the one that was there, if the body still lives: a body never changes, so that nothing else can have
 * happened. A crash between two chunks leaves one packed and one not, which is as good as any other state. */
#include "net/loop.h"
#include "store/blob/pack.h"
#include "store/blob/private.h"

#include <stdlib.h>

enum {
    TIDY_BUSY_BYTES = 256 * 1024 * 1024, /* the same while others wait: a round over all bodies */
    ROUND_BYTES = 2 * 1024 * 1024,       /* read before they are written */
    ROUND_CHUNKS = 256,                  /* the same */
    TIDY_BYTES = 8 * 1024 * 1024,        /* replaced, before room is given back */
    SETTLE_MS = 10 * 1000,               /* between looks whether records are to be merged */
    GAIN_MIN = 32,                       /* bytes; less is not worth a write */
};

_Static_assert((int)BLOB_CHUNK == (int)PACK_PIECE_MAX, "a chunk is a piece");

/* A chunk that was packed; len 0: it stays as it is. */
struct packed_chunk {
    struct blob *blob;
    uint32_t chunk;
    size_t raw, at, len; /* at: in round->out */
    bool on_disk;        /* what it replaces takes room there until blobs_tidy */
};

struct round {
    struct engine *e;
    struct blob *const *list;
    size_t count, next; /* bodies */
    uint32_t chunk;     /* the next of body `next` */
    struct packed_chunk made[ROUND_CHUNKS];
    size_t made_count, bytes;
    struct buf out;
    int rc;
};

struct chunk_take {
    struct round *r;
    size_t raw;
    bool packed;
};

/* What cannot be packed, for whatever reason, stays. */
static void take_chunk(void *arg, struct str value) {
    struct chunk_take *t = arg;
    t->packed = value.len == t->raw && value.len > GAIN_MIN && pack_piece(value, &t->r->out) == 0;
}

static void pack_chunk(struct round *r, struct blob *blob) {
    struct key k;
    struct chunk_take t = {.r = r, .raw = chunk_length(blob->size, r->chunk)};
    size_t at = r->out.len;
    chunk_key(&k, blob->id, r->chunk);
    int rc = engine_visit(r->e, SPACE_BLOB, key_str(&k), READ_MEMORY, take_chunk, &t);
    bool on_disk = rc == ERR_AGAIN;
    if (on_disk) rc = engine_visit(r->e, SPACE_BLOB, key_str(&k), READ_ANY, take_chunk, &t);
    r->bytes += t.raw;
    if (rc == ERR_IO) r->rc = rc;
    if (rc != 0 || !t.packed || r->out.len - at + GAIN_MIN > t.raw) {
        buf_truncate(&r->out, at);
        return;
    }
    r->made[r->made_count++] = (struct packed_chunk){blob, r->chunk, t.raw, at, r->out.len - at, on_disk};
}

/* On a worker: as many chunks as make a round. */
static void round_work(void *arg) {
    struct round *r = arg;
    while (r->next < r->count && r->rc == 0 && r->made_count < ROUND_CHUNKS && r->bytes < ROUND_BYTES) {
        struct blob *blob = r->list[r->next];
        if (blob == NULL || r->chunk >= chunk_count(blob->size)) {
            r->next++;
            r->chunk = 0;
            continue;
        }
        pack_chunk(r, blob);
        r->chunk++;
    }
}

static void replaced(struct blobs *bs, uint64_t id, size_t bytes) {
    if (bs->tidy.bytes == 0) bs->tidy.first = bs->tidy.last = id;
    if (id < bs->tidy.first) bs->tidy.first = id;
    if (id > bs->tidy.last) bs->tidy.last = id;
    bs->tidy.bytes += bytes;
}

/* No wait between the look at the references and the commit. */
static int round_commit(struct blobs *bs, struct round *r) {
    struct batch b;
    batch_init(&b);
    for (size_t i = 0; i < r->made_count; i++) {
        const struct packed_chunk *p = &r->made[i];
        struct key k;
        if (p->blob->refs == 0) continue;
        chunk_key(&k, p->blob->id, p->chunk);
        batch_put(&b, SPACE_BLOB, key_str(&k), str_of(r->out.ptr + p->at, p->len));
        if (p->on_disk) replaced(bs, p->blob->id, p->raw);
        bs->packed.packed -= p->raw - p->len;
    }
    bs->packed.bytes += r->bytes;
    bs->packed.packed += r->bytes;
    int rc = batch_empty(&b) ? 0 : store_commit(bs->st, &b, COMMIT_RELAXED, NULL);
    batch_done(&b);
    return rc;
}

int blobs_pack(struct blobs *bs, struct blob *const *list, size_t count, uint64_t deadline) {
    struct round *r = calloc(1, sizeof *r);
    if (r == NULL) return ERR_NOMEM;
    *r = (struct round){.e = bs->st->engine, .list = list, .count = count};
    int rc = 0;
    while (rc == 0 && r->next < count && loop_now_ms() < deadline) {
        buf_init(&r->out, ROUND_BYTES + 2 * BLOB_CHUNK);
        r->made_count = r->bytes = 0;
        rc = store_work(round_work, r);
        if (rc == 0) rc = r->rc;
        if (rc == 0) rc = round_commit(bs, r);
        if (rc == 0 && bs->stopping) rc = ERR_CANCELLED;
        buf_done(&r->out);
    }
    bs->packed.bodies += count;
    free(r);
    return rc;
}

struct tidy_work {
    struct engine *e;
    struct key from, to;
    bool bodies;
    int rc;
};

static void tidy_work(void *arg) {
    struct tidy_work *w = arg;
    if (w->bodies) w->rc = engine_compact(w->e, SPACE_BLOB, key_str(&w->from), key_str(&w->to), NULL);
    if (w->rc == 0) w->rc = engine_settle(w->e, NULL);
}

int blobs_tidy(struct blobs *bs, bool quiet) {
    uint64_t now = loop_now_ms();
    bool bodies = bs->tidy.bytes >= (quiet ? TIDY_BYTES : TIDY_BUSY_BYTES);
    if (bs->stopping || (!bodies && (!quiet || now < bs->tidy.settle_at))) return 0;
    struct tidy_work w = {.e = bs->st->engine, .bodies = bodies};
    chunk_key(&w.from, bs->tidy.first, 0);
    chunk_key(&w.to, bs->tidy.last + 1, 0);
    if (bodies) bs->tidy.bytes = 0;
    bs->tidy.settle_at = now + SETTLE_MS;
    int rc = store_work(tidy_work, &w);
    return rc != 0 ? rc : w.rc;
}

void blobs_stop(struct blobs *bs) {
    bs->stopping = true;
    engine_compact_stop(bs->st->engine);
}

const struct pack_stats *blobs_pack_stats(const struct blobs *bs) {
    return &bs->packed;
}

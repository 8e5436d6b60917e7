#include "store/blob/blob.h"

#include "base/map.h"
#include "store/blob/pack.h"
#include "store/blob/pieces.h"
#include "store/blob/private.h"

#include <stdlib.h>
#include <string.h>

enum { FEW_CHUNKS = 16, SIZE_LEN = 8 };

struct blobs *blobs_new(struct store *st) {
    struct blobs *bs = calloc(1, sizeof *bs);
    IEMS_ASSERT(bs != NULL);
    bs->st = st;
    bs->by_id = map_new(MAP_BYTES);
    list_init(&bs->lru);
    return bs;
}

void blobs_free(struct blobs *bs) {
    if (bs == NULL) return;
    map_free(bs->by_id, free);
    free(bs);
}

void chunk_key(struct key *k, uint64_t id, uint32_t chunk) {
    k->len = 0;
    key_u64(k, id);
    key_u32(k, chunk);
}

static void put_chunk(struct batch *b, uint64_t id, uint32_t chunk, struct str bytes) {
    struct key k;
    chunk_key(&k, id, chunk);
    batch_put(b, SPACE_BLOB, key_str(&k), bytes);
}

static void delete_chunks(struct batch *b, uint64_t id, uint32_t count) {
    struct key k, end;
    if (count > FEW_CHUNKS) {
        chunk_key(&k, id, 0);
        chunk_key(&end, id, count);
        batch_delete_range(b, SPACE_BLOB, key_str(&k), key_str(&end));
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        chunk_key(&k, id, i);
        batch_delete(b, SPACE_BLOB, key_str(&k));
    }
}

void blob_put_summary(struct batch *b, uint64_t id, uint64_t size, struct str summary) {
    struct key k = key_of_id(KEY_BLOB, id);
    unsigned char s[SIZE_LEN];
    be64_put(s, size);
    batch_put2(b, SPACE_META, key_str(&k), str_of(s, sizeof s), summary);
}

static void put_count(struct batch *b, struct blob *blob) {
    struct key k = key_of_id(KEY_REFS, blob->id);
    unsigned char v[4];
    if (blob->refs == 1 && !blob->counted) return;
    be32_put(v, blob->refs);
    if (blob->refs > 1)
        batch_put(b, SPACE_META, key_str(&k), str_of(v, sizeof v));
    else
        batch_delete(b, SPACE_META, key_str(&k));
    blob->counted = blob->refs > 1;
}

/* A count changes in the batch that is submitted next, perhaps behind a reservation of identifiers. */
static void touched(struct blobs *bs, struct blob *blob) {
    blob->seq = commit_last(bs->st->commits) + 2;
}

static void forget(struct blobs *bs, struct blob *blob) {
    list_remove(&blob->lru);
    map_remove(bs->by_id, map_u64_key(&blob->id));
    free(blob);
}

static void shrink(struct blobs *bs) {
    size_t over = map_count(bs->by_id) > BLOB_CACHE_MAX ? map_count(bs->by_id) - BLOB_CACHE_MAX : 0;
    list_foreach_safe(it, &bs->lru) {
        if (over == 0) break;
        struct blob *blob = list_entry(it, struct blob, lru);
        if (blob->pins > 0 || blob->seq > commit_applied(bs->st->commits)) break;
        forget(bs, blob);
        over--;
    }
}

static struct blob *remember(struct blobs *bs, uint64_t id, uint64_t size, uint32_t refs) {
    struct blob *blob = calloc(1, sizeof *blob);
    IEMS_ASSERT(blob != NULL);
    *blob = (struct blob){.id = id, .size = size, .refs = refs, .counted = refs != 1};
    IEMS_ASSERT(map_put(bs->by_id, map_u64_key(&blob->id), blob, NULL) == 0);
    list_push_back(&bs->lru, &blob->lru);
    shrink(bs);
    return blob;
}

static void create(struct blobs *bs, struct batch *b, uint64_t id, uint64_t size, struct str summary, uint32_t refs) {
    struct blob *blob = remember(bs, id, size, refs);
    blob->index = BLOB_INDEX_NONE;
    blob_put_summary(b, blob->id, blob->size, summary);
    put_count(b, blob);
    touched(bs, blob);
}

uint64_t blob_create(struct blobs *bs, struct batch *b, struct str body, struct str summary, uint32_t refs) {
    uint64_t id = store_new_id(bs->st);
    for (uint32_t i = 0; i < chunk_count(body.len); i++)
        put_chunk(b, id, i, str_sub(body, (size_t)i * BLOB_CHUNK, BLOB_CHUNK));
    create(bs, b, id, body.len, summary, refs);
    return id;
}

static void take_size(void *arg, struct str value) {
    if (value.len >= SIZE_LEN) *(uint64_t *)arg = be64_get((const unsigned char *)value.ptr);
}

static void take_count(void *arg, struct str value) {
    *(uint32_t *)arg = value.len == 4 ? be32_get((const unsigned char *)value.ptr) : 0;
}

struct pin_work {
    struct engine *e;
    uint64_t id, size;
    uint32_t refs;
    enum engine_read read;
    int rc;
};

static void pin_work(void *arg) {
    struct pin_work *w = arg;
    struct key k = key_of_id(KEY_BLOB, w->id);
    w->size = UINT64_MAX;
    w->refs = 1;
    w->rc = engine_visit(w->e, SPACE_META, key_str(&k), w->read, take_size, &w->size);
    if (w->rc != 0) return;
    k.bytes[0] = KEY_REFS;
    w->rc = engine_visit(w->e, SPACE_META, key_str(&k), w->read, take_count, &w->refs);
    if (w->rc == ERR_NOTFOUND) w->rc = 0;
    if (w->rc == 0 && (w->size == UINT64_MAX || w->refs == 0)) w->rc = ERR_CORRUPT;
}

int blob_pin(struct blobs *bs, uint64_t id, struct blob **out) {
    struct blob *blob = map_get(bs->by_id, map_u64_key(&id));
    if (blob == NULL) {
        struct pin_work w = {.e = bs->st->engine, .id = id, .read = READ_MEMORY};
        pin_work(&w);
        if (w.rc == ERR_AGAIN) {
            w.read = READ_ANY;
            int rc = store_work(pin_work, &w);
            if (rc != 0) return rc;
        }
        blob = map_get(bs->by_id, map_u64_key(&id)); /* another fiber may have been faster */
        if (blob == NULL) {
            if (w.rc != 0) return w.rc;
            blob = remember(bs, id, w.size, w.refs);
        }
    }
    if (blob->refs == 0) return ERR_NOTFOUND;
    blob->pins++;
    list_remove(&blob->lru);
    list_push_back(&bs->lru, &blob->lru);
    *out = blob;
    return 0;
}

void blob_unpin(struct blobs *bs, struct blob *blob) {
    if (blob == NULL) return;
    IEMS_ASSERT(blob->pins > 0);
    blob->pins--;
    (void)bs;
}

void blob_add_refs(struct blobs *bs, struct batch *b, struct blob *blob, int delta) {
    if (delta == 0) return;
    IEMS_ASSERT(delta > 0 || blob->refs >= (uint32_t)-delta);
    blob->refs = (uint32_t)((int64_t)blob->refs + delta);
    touched(bs, blob);
    if (blob->refs > 0) {
        put_count(b, blob);
        return;
    }
    struct key k = key_of_id(KEY_BLOB, blob->id);
    batch_delete(b, SPACE_META, key_str(&k));
    k.bytes[0] = KEY_REFS;
    if (blob->counted) batch_delete(b, SPACE_META, key_str(&k));
    if (blob->index != BLOB_INDEX_NONE) { /* what is only relayed never had them */
        k.bytes[0] = KEY_SIGNATURE;
        batch_delete(b, SPACE_META, key_str(&k));
        k.bytes[0] = KEY_UNINDEXED;
        batch_delete(b, SPACE_META, key_str(&k));
    }
    delete_chunks(b, blob->id, chunk_count(blob->size));
}

void blobs_on_wait_index(struct blobs *bs, void (*waits)(void *arg, uint64_t id), void *arg) {
    bs->waits_index = waits;
    bs->waits_arg = arg;
}

void blob_wait_index(struct blobs *bs, struct batch *b, uint64_t id) {
    struct blob *blob = map_get(bs->by_id, map_u64_key(&id));
    if (blob != NULL && (blob->refs == 0 || blob->index >= BLOB_INDEX_WAITS)) return;
    struct key k = key_of_id(KEY_UNINDEXED, id);
    batch_put(b, SPACE_META, key_str(&k), STR_EMPTY);
    if (blob != NULL) {
        blob->index = BLOB_INDEX_WAITS;
        touched(bs, blob);
    }
    if (bs->waits_index != NULL) bs->waits_index(bs->waits_arg, id);
}

void blob_put_signature(struct blobs *bs, struct batch *b, struct blob *blob, struct str signature) {
    if (blob->refs == 0) return;
    struct key k = key_of_id(KEY_SIGNATURE, blob->id);
    batch_put(b, SPACE_META, key_str(&k), signature);
    k.bytes[0] = KEY_UNINDEXED;
    batch_delete(b, SPACE_META, key_str(&k));
    blob->index = BLOB_INDEX_MADE;
    touched(bs, blob);
}

int blob_chunk_unpack(struct str value, size_t chunk_len, size_t from, size_t len, struct buf *out) {
    if (value.len > chunk_len || from > chunk_len || len > chunk_len - from) return ERR_CORRUPT;
    if (value.len == chunk_len) {
        buf_add(out, str_sub(value, from, len));
        return out->error;
    }
    if (len == chunk_len) {
        char *p = buf_reserve(out, len);
        int rc = p == NULL ? out->error : unpack_piece(value, p, len);
        if (rc == 0) buf_commit(out, len);
        return rc;
    }
    char *whole = malloc(chunk_len);
    int rc = whole == NULL ? ERR_NOMEM : unpack_piece(value, whole, chunk_len);
    if (rc == 0) {
        buf_add(out, str_of(whole + from, len));
        rc = out->error;
    }
    free(whole);
    return rc;
}

struct range_take {
    size_t from, len, chunk_len;
    struct buf *out;
    int rc;
};

static void take_range(void *arg, struct str value) {
    struct range_take *t = arg;
    t->rc = blob_chunk_unpack(value, t->chunk_len, t->from, t->len, t->out);
}

int blob_read_now(struct engine *e, uint64_t id, uint64_t size, uint64_t offset, uint64_t len, enum engine_read read,
                  struct buf *out) {
    if (offset >= size) return 0;
    if (len > size - offset) len = size - offset;
    size_t start = out->len;
    while (len > 0) {
        struct key k;
        uint32_t chunk = (uint32_t)(offset / BLOB_CHUNK);
        struct range_take t = {.from = (size_t)(offset % BLOB_CHUNK), .out = out};
        t.chunk_len = chunk_length(size, chunk);
        t.len = t.chunk_len - t.from < len ? t.chunk_len - t.from : (size_t)len;
        chunk_key(&k, id, chunk);
        int rc = engine_visit(e, SPACE_BLOB, key_str(&k), read, take_range, &t);
        if (rc == 0) rc = t.rc;
        if (rc != 0) {
            if (rc != out->error) buf_truncate(out, start);
            return rc;
        }
        offset += t.len;
        len -= t.len;
    }
    return 0;
}

struct stored_take {
    size_t chunk_len;
    struct buf *out;
    int rc;
};

static void take_stored(void *arg, struct str value) {
    struct stored_take *t = arg;
    t->rc = value.len > t->chunk_len ? ERR_CORRUPT : 0;
    if (t->rc == 0) pieces_put(t->out, value);
}

int blob_read_stored(struct engine *e, uint64_t id, uint64_t size, struct buf *out) {
    size_t start = out->len;
    for (uint32_t chunk = 0; chunk < chunk_count(size); chunk++) {
        struct key k;
        struct stored_take t = {.chunk_len = chunk_length(size, chunk), .out = out};
        chunk_key(&k, id, chunk);
        int rc = engine_visit(e, SPACE_BLOB, key_str(&k), READ_ANY, take_stored, &t);
        if (rc == 0) rc = t.rc;
        if (rc != 0) {
            buf_truncate(out, start);
            return rc;
        }
    }
    return out->error;
}

struct read_work {
    struct engine *e;
    uint64_t id, size, offset, len;
    struct buf *out;
    int rc;
};

static void read_work(void *arg) {
    struct read_work *w = arg;
    w->rc = blob_read_now(w->e, w->id, w->size, w->offset, w->len, READ_ANY, w->out);
}

int blob_read(struct store *st, uint64_t id, uint64_t size, uint64_t offset, uint64_t len, struct buf *out) {
    int rc = blob_read_now(st->engine, id, size, offset, len, READ_MEMORY, out);
    if (rc != ERR_AGAIN) return rc;
    struct read_work w = {st->engine, id, size, offset, len, out, 0};
    rc = store_work(read_work, &w);
    return rc != 0 ? rc : w.rc;
}

int blob_summary(struct store *st, uint64_t id, struct buf *out) {
    struct key k = key_of_id(KEY_BLOB, id);
    size_t start = out->len;
    int rc = store_get(st, SPACE_META, key_str(&k), out);
    if (rc != 0) return rc;
    if (out->len - start < SIZE_LEN) return ERR_CORRUPT;
    size_t len = out->len - start - SIZE_LEN;
    memmove(out->ptr + start, out->ptr + start + SIZE_LEN, len);
    buf_truncate(out, start + len);
    return 0;
}

struct upload *upload_new(struct blobs *bs) {
    struct upload *u = calloc(1, sizeof *u);
    IEMS_ASSERT(u != NULL);
    list_init(&u->link);
    u->id = store_new_id(bs->st);
    buf_init(&u->tail, BLOB_CHUNK);
    return u;
}

static void put_marker(struct batch *b, struct upload *u) {
    struct key k = key_of_id(KEY_UPLOAD, u->id);
    if (u->chunks == 0) batch_put(b, SPACE_META, key_str(&k), STR_EMPTY);
}

/* Cuts whole chunks off what is there: first those that the tail begins, then straight from the input. */
static void cut_chunks(struct upload *u, struct batch *b, struct str bytes) {
    while (bytes.len > 0) {
        if (u->tail.len == 0 && bytes.len >= BLOB_CHUNK) {
            put_marker(b, u);
            put_chunk(b, u->id, u->chunks++, str_sub(bytes, 0, BLOB_CHUNK));
            bytes = str_sub(bytes, BLOB_CHUNK, bytes.len);
            continue;
        }
        size_t room = BLOB_CHUNK - u->tail.len, n = bytes.len < room ? bytes.len : room;
        buf_add(&u->tail, str_sub(bytes, 0, n));
        bytes = str_sub(bytes, n, bytes.len);
        if (u->tail.len < BLOB_CHUNK) continue;
        put_marker(b, u);
        put_chunk(b, u->id, u->chunks++, buf_str(&u->tail));
        buf_done(&u->tail);
    }
}

int upload_append(struct blobs *bs, struct upload *u, struct str bytes) {
    struct batch b;
    batch_init(&b);
    u->size += bytes.len;
    cut_chunks(u, &b, bytes);
    if (u->tail.error != 0) {
        batch_done(&b);
        return u->tail.error;
    }
    return batch_empty(&b) ? 0 : store_commit(bs->st, &b, COMMIT_RELAXED, NULL);
}

uint64_t upload_finish(struct blobs *bs, struct batch *b, struct upload *u, struct str summary, uint32_t refs) {
    uint64_t id = u->id;
    if (u->tail.len > 0) put_chunk(b, id, u->chunks, buf_str(&u->tail));
    if (u->chunks > 0) {
        struct key k = key_of_id(KEY_UPLOAD, id);
        batch_delete(b, SPACE_META, key_str(&k));
    }
    create(bs, b, id, u->size, summary, refs);
    list_remove(&u->link);
    buf_done(&u->tail);
    free(u);
    return id;
}

static void delete_upload(struct batch *b, uint64_t id) {
    struct key k = key_of_id(KEY_UPLOAD, id), from, to;
    batch_delete(b, SPACE_META, key_str(&k));
    chunk_key(&from, id, 0);
    chunk_key(&to, id + 1, 0);
    batch_delete_range(b, SPACE_BLOB, key_str(&from), key_str(&to));
}

void upload_drop(struct blobs *bs, struct upload *u) {
    if (u->chunks > 0) {
        struct batch b;
        batch_init(&b);
        delete_upload(&b, u->id);
        commit_submit(bs->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
    }
    list_remove(&u->link);
    buf_done(&u->tail);
    free(u);
}

struct recover {
    struct batch b;
    uint64_t count;
};

static bool recover_one(void *arg, struct str key, struct str value) {
    struct recover *r = arg;
    (void)value;
    if (key.len == 9) delete_upload(&r->b, key_get_u64(key, 1));
    r->count++;
    return true;
}

int blobs_recover(struct blobs *bs, uint64_t *removed) {
    struct recover r = {.count = 0};
    unsigned char from = KEY_UPLOAD, to = KEY_UPLOAD + 1;
    batch_init(&r.b);
    int rc =
        store_scan(bs->st, &(struct engine_range){.space = SPACE_META, .from = str_of(&from, 1), .to = str_of(&to, 1)},
                   recover_one, &r);
    if (rc == 0 && !batch_empty(&r.b)) rc = store_commit(bs->st, &r.b, COMMIT_RELAXED, NULL);
    batch_done(&r.b);
    if (rc == 0) *removed = r.count;
    return rc;
}

/* INV-10 to INV-13: bodies, their counts, chunks, summaries, uploads. */
#include "store/blob/blob.h"
#include "store/service/check.h"

#define ULL(v) (unsigned long long)(v)

static uint32_t stored_refs(struct check *c, uint64_t id) {
    struct key k = key_of_id(KEY_REFS, id);
    BUF_AUTO v = BUF_INIT(64);
    if (engine_get_at(c->e, c->snap, SPACE_META, key_str(&k), &v) != 0) return 1;
    return v.len == 4 ? be32_get((unsigned char *)v.ptr) : 0;
}

static void each_blob(struct check *c, struct str key, struct str value) {
    uint64_t id = key.len == 9 ? key_get_u64(key, 1) : 0;
    struct wire w = wire_of(value);
    uint64_t size = wire_get_u64(&w);
    uint32_t refs = stored_refs(c, id);
    c->blobs++;
    if (id == 0 || w.bad) {
        check_fault(c, REPAIR_NONE, id, "the record of body %llu is damaged", ULL(id));
        return;
    }
    uint64_t seen = (uint64_t)(uintptr_t)map_get(c->refs, map_u64_key(&id));
    size_t before = c->fault_count;
    if (seen == 0)
        check_fault(c, c->body_unknown ? REPAIR_NONE : REPAIR_BLOB_ORPHAN, id, "body %llu is not used by anything",
                    ULL(id));
    else if (seen != refs)
        check_fault(c, REPAIR_BLOB_COUNT, id, "body %llu counts %u references, there are %llu", ULL(id), refs,
                    ULL(seen));
    if (c->fault_count > before) c->faults[before].delta = (int64_t)seen - (int64_t)refs;
    if (size == 0) return;
    struct key last;
    last.len = 0;
    key_u64(&last, id);
    key_u32(&last, (uint32_t)((size - 1) / BLOB_CHUNK));
    BUF_AUTO chunk = BUF_INIT(BLOB_CHUNK + 1), whole = BUF_INIT(BLOB_CHUNK);
    size_t want = (size_t)((size - 1) % BLOB_CHUNK) + 1;
    int rc = engine_get_at(c->e, c->snap, SPACE_BLOB, key_str(&last), &chunk);
    if (rc == 0) rc = blob_chunk_unpack(buf_str(&chunk), want, 0, want, &whole);
    if (rc != 0) check_fault(c, REPAIR_NONE, id, "body %llu is not whole: %s", ULL(id), err_name(rc));
}

static void each_refs(struct check *c, struct str key, struct str value) {
    (void)value;
    struct key k = key_of_id(KEY_BLOB, key.len == 9 ? key_get_u64(key, 1) : 0);
    if (check_has(c, key_str(&k))) return;
    check_fault(c, REPAIR_NONE, key_get_u64(key, 1), "a count of body %llu, which is not there",
                ULL(key_get_u64(key, 1)));
    check_fault_key(c, REPAIR_INDEX, key);
}

/* Chunks belong to a body or to an upload. Only keys are looked at. */
static void each_chunk(struct check *c, struct str key, struct str value) {
    (void)value;
    uint64_t id = key.len == 12 ? key_get_u64(key, 0) : 0;
    if (key.len != 12 || key_get_u32(key, 8) != 0) return;
    struct key k = key_of_id(KEY_BLOB, id);
    if (check_has(c, key_str(&k))) return;
    k.bytes[0] = KEY_UPLOAD;
    if (!check_has(c, key_str(&k)))
        check_fault(c, REPAIR_CHUNKS, id, "chunks of body %llu, which is not there", ULL(id));
}

int check_blobs(struct check *c) {
    int rc = check_each_kind(c, KEY_BLOB, each_blob);
    if (rc == 0) rc = check_each_kind(c, KEY_REFS, each_refs);
    return rc != 0 ? rc : check_each(c, SPACE_BLOB, STR_EMPTY, STR_EMPTY, each_chunk);
}

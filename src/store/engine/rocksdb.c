/* The embedded engine: RocksDB with two column families, "default" for META and "blob" for BLOB. Writes go to the log
 * without a sync; engine_sync makes all that was written so far durable by one fdatasync of the log. */
#include "store/engine/engine.h"
#include "store/engine/holes.h"
#include "store/engine/log_fill.h"
#include "store/engine/rocksdb_options.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_KEPT_MAX = 256 * 1024 };

struct rocks {
    struct engine base;
    rocksdb_t *db;
    rocksdb_column_family_handle_t *cf[SPACE_COUNT];
    struct rocksdb_setup setup;
    rocksdb_readoptions_t *read[2]; /* by enum engine_read */
    rocksdb_writeoptions_t *write;
    pthread_mutex_t writing;
    rocksdb_writebatch_t *group; /* for the next write, or NULL */
    size_t group_bytes;          /* of the largest write with it */
    struct log_fill fill;
    struct holes holes; /* of a damaged one */
};

struct engine_iter {
    rocksdb_readoptions_t *opts;
    rocksdb_readoptions_t *beyond; /* if damaged: without bounds */
    rocksdb_iterator_t *it;
    struct buf from, to;
    bool reverse, started;
    bool over;             /* behind a place that cannot be read nothing can */
    struct rocks *damaged; /* or NULL */
    enum engine_space space;
    struct buf last; /* if so: where it stands */
};

struct engine_snapshot {
    const rocksdb_snapshot_t *snap;
};

/* RocksDB counts each comparison of keys for the thread that makes it, which takes a tenth of a write; nobody reads
 * that. */
static void count_nothing(void) {
    static _Thread_local bool done;
    if (!done) rocksdb_set_perf_level(rocksdb_disable);
    done = true;
}

/* The C interface tells a failure only as text, which begins with the name of the status code. Frees it. */
static int status(char *text, struct error *err) {
    if (text == NULL) return 0;
    int code = ERR_IO;
    if (strncmp(text, "Result incomplete", 17) == 0)
        code = ERR_AGAIN;
    else if (strncmp(text, "Corruption", 10) == 0)
        code = ERR_CORRUPT;
    else if (strstr(text, "No space left") != NULL)
        code = ERR_NOSPACE;
    error_set(err, code, "%s", text);
    rocksdb_free(text);
    return code;
}

static int rocks_get(struct engine *e, enum engine_space space, struct str key, enum engine_read read,
                     struct engine_snapshot *snap, engine_take take, void *arg) {
    struct rocks *r = (struct rocks *)e;
    rocksdb_readoptions_t *o = r->read[read];
    count_nothing();
    if (snap != NULL) {
        o = rocksdb_readoptions_create();
        rocksdb_readoptions_set_read_tier(o, read == READ_MEMORY ? 1 : 0);
        rocksdb_readoptions_set_snapshot(o, snap->snap);
    }
    char *text = NULL;
    rocksdb_pinnableslice_t *v = rocksdb_get_pinned_cf(r->db, o, r->cf[space], key.ptr, key.len, &text);
    if (snap != NULL) rocksdb_readoptions_destroy(o);
    int rc = status(text, NULL);
    if (rc != 0) return rc;
    if (v == NULL) return ERR_NOTFOUND;
    size_t len;
    const char *p = rocksdb_pinnableslice_value(v, &len);
    take(arg, str_of(p, len));
    rocksdb_pinnableslice_destroy(v);
    return 0;
}

static void add_batch(struct rocks *r, rocksdb_writebatch_t *w, const struct batch *b) {
    struct batch_op op;
    for (size_t pos = 0; batch_next(b, &pos, &op);) {
        rocksdb_column_family_handle_t *cf = r->cf[op.space];
        switch (op.kind) {
        case BATCH_PUT: rocksdb_writebatch_put_cf(w, cf, op.key.ptr, op.key.len, op.value.ptr, op.value.len); break;
        case BATCH_DELETE: rocksdb_writebatch_delete_cf(w, cf, op.key.ptr, op.key.len); break;
        case BATCH_DELETE_RANGE:
            rocksdb_writebatch_delete_range_cf(w, cf, op.key.ptr, op.key.len, op.value.ptr, op.value.len);
            break;
        case BATCH_EXPECT:
        case BATCH_EXPECT_ABSENT: break;
        }
    }
}

struct compare {
    struct str want;
    bool same;
};

static void take_compare(void *arg, struct str value) {
    struct compare *c = arg;
    c->same = str_eq(value, c->want);
}

static int check_expects(struct rocks *r, const struct batch *b) {
    struct batch_op op;
    for (size_t pos = 0; batch_next(b, &pos, &op);) {
        if (op.kind != BATCH_EXPECT && op.kind != BATCH_EXPECT_ABSENT) continue;
        struct compare c = {.want = op.value};
        int rc = rocks_get(&r->base, op.space, op.key, READ_ANY, NULL, take_compare, &c);
        if (rc != 0 && rc != ERR_NOTFOUND) return rc;
        bool there = rc == 0;
        if (op.kind == BATCH_EXPECT ? !there || !c.same : there) return ERR_CONFLICT;
    }
    return 0;
}

static int flush_group(struct rocks *r, rocksdb_writebatch_t *w, struct error *err) {
    if (rocksdb_writebatch_count(w) == 0) return 0;
    char *text = NULL;
    size_t bytes = 0;
    (void)rocksdb_writebatch_data(w, &bytes);
    if (bytes > r->group_bytes) r->group_bytes = bytes;
    rocksdb_write(r->db, r->write, w, &text);
    rocksdb_writebatch_clear(w);
    if (text == NULL) log_fill_wrote(&r->fill, bytes + bytes / 1024 + 64); /* with the heads of its records */
    return status(text, err);
}

/* Batches become one write, so that the log gets one record and one system call; asserts see what stands before. */
static int rocks_write(struct engine *e, const struct batch *const *batches, size_t count, int *results,
                       struct error *err) {
    struct rocks *r = (struct rocks *)e;
    int rc = 0;
    count_nothing();
    pthread_mutex_lock(&r->writing);
    rocksdb_writebatch_t *w = r->group != NULL ? r->group : rocksdb_writebatch_create();
    for (size_t i = 0; i < count && rc == 0; i++) {
        results[i] = 0;
        if (batches[i]->expects > 0) {
            rc = flush_group(r, w, err);
            if (rc != 0) break;
            results[i] = check_expects(r, batches[i]);
            if (results[i] != 0 && results[i] != ERR_CONFLICT) rc = error_set(err, results[i], "reading failed");
        }
        if (results[i] == 0) add_batch(r, w, batches[i]);
    }
    if (rc == 0) rc = flush_group(r, w, err);
    rocksdb_writebatch_clear(w);
    r->group = w; /* with its memory, unless that was a large one */
    if (r->group_bytes > GROUP_KEPT_MAX) {
        rocksdb_writebatch_destroy(w);
        r->group = NULL;
        r->group_bytes = 0;
    }
    pthread_mutex_unlock(&r->writing);
    return rc;
}

static int rocks_sync(struct engine *e, struct error *err) {
    struct rocks *r = (struct rocks *)e;
    char *text = NULL;
    rocksdb_flush_wal(r->db, 1, &text);
    return status(text, err);
}

enum { SCAN_READAHEAD = 256 * 1024, BOTTOMMOST_FORCE_OPTIMIZED = 3 };
/* New tables that are worth it, and how much that may rewrite. */
enum { SETTLE_FILES = 1, SETTLE_BYTES = 96 * 1024 * 1024 };

static int rocks_iter_open(struct engine *e, const struct engine_range *q, struct engine_iter **out) {
    struct rocks *r = (struct rocks *)e;
    count_nothing();
    struct engine_iter *it = calloc(1, sizeof *it);
    if (it == NULL) return ERR_NOMEM;
    it->reverse = q->reverse;
    buf_init(&it->from, BATCH_KEY_MAX);
    buf_init(&it->to, BATCH_KEY_MAX);
    buf_init(&it->last, BATCH_KEY_MAX);
    it->damaged = e->damaged && !q->reverse ? r : NULL;
    it->space = q->space;
    buf_add(&it->from, q->from);
    buf_add(&it->last, q->from);
    buf_add(&it->to, q->to);
    it->opts = rocksdb_readoptions_create();
    rocksdb_readoptions_set_read_tier(it->opts, q->read == READ_MEMORY ? 1 : 0);
    if (q->once) {
        rocksdb_readoptions_set_fill_cache(it->opts, 0);
        rocksdb_readoptions_set_readahead_size(it->opts, SCAN_READAHEAD);
    }
    if (q->snapshot != NULL) rocksdb_readoptions_set_snapshot(it->opts, q->snapshot->snap);
    if (it->from.len > 0) rocksdb_readoptions_set_iterate_lower_bound(it->opts, it->from.ptr, it->from.len);
    if (it->to.len > 0) rocksdb_readoptions_set_iterate_upper_bound(it->opts, it->to.ptr, it->to.len);
    it->it = rocksdb_create_iterator_cf(r->db, it->opts, r->cf[q->space]);
    if (it->damaged != NULL) it->beyond = rocksdb_readoptions_create();
    if (it->damaged != NULL && q->snapshot != NULL) rocksdb_readoptions_set_snapshot(it->beyond, q->snapshot->snap);
    *out = it;
    return 0;
}

/* --- what cannot be read */
/* Keys as numbers: what stands behind the first HOLE_BYTES of a key is not looked at. */
enum { HOLE_BYTES = 64, HOLE_BITS = HOLE_BYTES * 8 };

static bool number_add(unsigned char n[HOLE_BYTES], unsigned bit) {
    unsigned carry = 1U << (bit % 8);
    for (size_t i = HOLE_BYTES - 1 - bit / 8; carry > 0; i--) {
        carry += n[i];
        n[i] = (unsigned char)carry;
        carry >>= 8;
        if (i == 0) break;
    }
    return carry == 0;
}

/* An iterator that has failed may fail where another one does not: it takes the bad block for the one before. False: so
 * does a new one. */
static bool seek_anew(struct engine_iter *it, const rocksdb_readoptions_t *opts, struct str to) {
    char *text = NULL;
    rocksdb_iter_destroy(it->it);
    it->it = rocksdb_create_iterator_cf(it->damaged->db, opts, it->damaged->cf[it->space]);
    rocksdb_iter_seek(it->it, to.ptr, to.len);
    if (rocksdb_iter_valid(it->it)) return true;
    rocksdb_iter_get_error(it->it, &text);
    return status(text, NULL) == 0;
}

/* Whether what stands at `n` plus 2^bit or behind can be read, or is the end. */
static bool hole_ends(struct engine_iter *it, const unsigned char n[HOLE_BYTES], unsigned bit) {
    unsigned char at[HOLE_BYTES];
    memcpy(at, n, sizeof at);
    return !number_add(at, bit) || seek_anew(it, it->beyond, str_of(at, sizeof at));
}

/* Finds the first record behind `last` that can be read, whether it is in the range or not; "" = there is none. */
static void hole_measure(struct engine_iter *it, struct buf *to) {
    unsigned char n[HOLE_BYTES] = {0};
    unsigned bit = 0;
    memcpy(n, it->last.ptr, it->last.len < sizeof n ? it->last.len : sizeof n);
    buf_clear(to);
    while (bit < HOLE_BITS && !hole_ends(it, n, bit)) bit++;
    if (bit == HOLE_BITS) return;
    if (bit > 0) (void)number_add(n, bit - 1); /* here it does not end yet; what is left is less than as much again */
    for (unsigned b = bit > 0 ? bit - 1 : 0; b > 0; b--)
        if (!hole_ends(it, n, b - 1)) (void)number_add(n, b - 1);
    if (!number_add(n, 0) || !seek_anew(it, it->beyond, str_of(n, sizeof n)) || !rocksdb_iter_valid(it->it)) return;
    struct str key;
    key.ptr = rocksdb_iter_key(it->it, &key.len);
    buf_add(to, key);
}

/* The next record that can be read behind the place where the iterator failed. False: there is none, or it did not
 * fail. */
static bool rocks_hole_pass(struct engine_iter *it) {
    BUF_AUTO to = BUF_INIT(BATCH_KEY_MAX);
    struct holes *known = &it->damaged->holes;
    char *text = NULL;
    rocksdb_iter_get_error(it->it, &text);
    if (status(text, NULL) == 0) return false;
    it->damaged->base.holes++;
    if (!holes_find(known, it->space, buf_str(&it->last), &to)) {
        hole_measure(it, &to);
        holes_add(known, it->space, buf_str(&it->last), buf_str(&to));
    }
    it->over = to.len == 0 || !seek_anew(it, it->opts, buf_str(&to));
    return !it->over && rocksdb_iter_valid(it->it);
}

static bool rocks_iter_next(struct engine_iter *it, struct str *key, struct str *value) {
    if (it->started)
        (it->reverse ? rocksdb_iter_prev : rocksdb_iter_next)(it->it);
    else if (it->reverse)
        rocksdb_iter_seek_to_last(it->it);
    else
        rocksdb_iter_seek_to_first(it->it);
    it->started = true;
    if (!rocksdb_iter_valid(it->it) && (it->damaged == NULL || !rocks_hole_pass(it))) return false;
    key->ptr = rocksdb_iter_key(it->it, &key->len);
    if (it->damaged != NULL) {
        buf_clear(&it->last);
        buf_add(&it->last, *key);
    }
    value->ptr = rocksdb_iter_value(it->it, &value->len);
    return true;
}

static int rocks_iter_close(struct engine_iter *it) {
    char *text = NULL;
    bool over = it->over;
    rocksdb_iter_get_error(it->it, &text);
    rocksdb_iter_destroy(it->it);
    rocksdb_readoptions_destroy(it->opts);
    if (it->beyond != NULL) rocksdb_readoptions_destroy(it->beyond);
    buf_done(&it->from);
    buf_done(&it->to);
    buf_done(&it->last);
    free(it);
    int rc = status(text, NULL);
    return over ? 0 : rc;
}

static struct engine_snapshot *rocks_snapshot_new(struct engine *e) {
    struct rocks *r = (struct rocks *)e;
    struct engine_snapshot *s = calloc(1, sizeof *s);
    IEMS_ASSERT(s != NULL);
    s->snap = rocksdb_create_snapshot(r->db);
    return s;
}

static void rocks_snapshot_free(struct engine *e, struct engine_snapshot *s) {
    struct rocks *r = (struct rocks *)e;
    rocksdb_release_snapshot(r->db, s->snap);
    free(s);
}

static int rocks_checkpoint(struct engine *e, const char *dir, struct error *err) {
    struct rocks *r = (struct rocks *)e;
    char *text = NULL;
    rocksdb_checkpoint_t *c = rocksdb_checkpoint_object_create(r->db, &text);
    int rc = status(text, err);
    if (rc != 0) return rc;
    text = NULL;
    rocksdb_checkpoint_create(c, dir, 0, &text);
    rocksdb_checkpoint_object_destroy(c);
    return status(text, err);
}

/* How much of what is alive in blob files a compaction moves to new ones, so that old ones go. */
static int move_blobs(struct rocks *r, enum engine_space space, const char *cutoff, struct error *err) {
    static const char *const keys[] = {"blob_garbage_collection_age_cutoff"};
    char *text = NULL;
    if (space == SPACE_BLOB) rocksdb_set_options_cf(r->db, r->cf[space], 1, keys, &cutoff, &text);
    return status(text, err);
}

static int rocks_compact(struct engine *e, enum engine_space space, struct str from, struct str to, struct error *err) {
    struct rocks *r = (struct rocks *)e;
    int rc = move_blobs(r, space, BLOB_MOVE_ALL, err);
    if (rc != 0) return rc;
    rocksdb_compactoptions_t *o = rocksdb_compactoptions_create();
    rocksdb_compactoptions_set_exclusive_manual_compaction(o, 0);
    rocksdb_compactoptions_set_bottommost_level_compaction(o, BOTTOMMOST_FORCE_OPTIMIZED);
    rocksdb_compact_range_cf_opt(r->db, r->cf[space], o, from.len > 0 ? from.ptr : NULL, from.len,
                                 to.len > 0 ? to.ptr : NULL, to.len);
    rocksdb_compactoptions_destroy(o);
    return move_blobs(r, space, BLOB_MOVE_OLDEST, err);
}

static void rocks_compact_stop(struct engine *e) {
    rocksdb_disable_manual_compaction(((struct rocks *)e)->db);
}

static uint64_t property(struct rocks *r, enum engine_space space, const char *name) {
    uint64_t v = 0;
    return rocksdb_property_int_cf(r->db, r->cf[space], name, &v) == 0 ? v : 0;
}

/* By itself the engine merges from four new tables on, and nothing in quiet times. */
static int rocks_settle(struct engine *e, struct error *err) {
    struct rocks *r = (struct rocks *)e;
    char *text = rocksdb_property_value_cf(r->db, r->cf[SPACE_META], "rocksdb.num-files-at-level0");
    unsigned long files = text != NULL ? strtoul(text, NULL, 10) : 0;
    rocksdb_free(text);
    if (files < SETTLE_FILES || property(r, SPACE_META, "rocksdb.total-sst-files-size") > SETTLE_BYTES) return 0;
    return rocks_compact(e, SPACE_META, STR_EMPTY, STR_EMPTY, err);
}

static void rocks_stats(struct engine *e, struct engine_stats *out) {
    struct rocks *r = (struct rocks *)e;
    for (int s = 0; s < SPACE_COUNT; s++) {
        out->memory_tables += property(r, s, "rocksdb.cur-size-all-mem-tables");
        out->readers += property(r, s, "rocksdb.estimate-table-readers-mem");
        out->keys_estimate += property(r, s, "rocksdb.estimate-num-keys");
        out->live_bytes += property(r, s, "rocksdb.estimate-live-data-size");
    }
    for (int s = 0; s < SPACE_COUNT; s++)
        out->disk[s] = property(r, s, "rocksdb.total-sst-files-size") + property(r, s, "rocksdb.total-blob-file-size");
    out->garbage = property(r, SPACE_BLOB, "rocksdb.live-blob-file-garbage-size");
    out->cache = rocksdb_cache_get_usage(r->setup.cache);
}

static void rocks_close(struct engine *e) {
    struct rocks *r = (struct rocks *)e;
    for (int s = 0; s < SPACE_COUNT; s++)
        if (r->cf[s] != NULL) rocksdb_column_family_handle_destroy(r->cf[s]);
    if (r->db != NULL) rocksdb_close(r->db);
    log_fill_done(&r->fill);
    holes_done(&r->holes);
    pthread_mutex_destroy(&r->writing);
    if (r->group != NULL) rocksdb_writebatch_destroy(r->group);
    if (r->write != NULL) rocksdb_writeoptions_destroy(r->write);
    for (int i = 0; i < 2; i++)
        if (r->read[i] != NULL) rocksdb_readoptions_destroy(r->read[i]);
    rocksdb_setup_done(&r->setup);
    free(r);
}

static const struct engine_ops rocks_ops = {
    .name = "rocksdb",
    .close = rocks_close,
    .get = rocks_get,
    .write = rocks_write,
    .sync = rocks_sync,
    .iter_open = rocks_iter_open,
    .iter_next = rocks_iter_next,
    .iter_close = rocks_iter_close,
    .snapshot_new = rocks_snapshot_new,
    .snapshot_free = rocks_snapshot_free,
    .checkpoint = rocks_checkpoint,
    .compact = rocks_compact,
    .settle = rocks_settle,
    .compact_stop = rocks_compact_stop,
    .stats = rocks_stats,
};

int engine_rocksdb_open(const struct engine_config *cfg, struct engine **out, struct error *err) {
    static const char *const names[SPACE_COUNT] = {"default", "blob"};
    struct rocks *r = calloc(1, sizeof *r);
    if (r == NULL) return ERR_NOMEM;
    r->base.ops = &rocks_ops;
    r->base.damaged = cfg->damaged;
    pthread_mutex_init(&r->writing, NULL);
    log_fill_init(&r->fill, cfg->dir);
    holes_init(&r->holes);
    rocksdb_setup_init(&r->setup, cfg->cache_bytes);
    r->read[READ_ANY] = rocksdb_readoptions_create();
    r->read[READ_MEMORY] = rocksdb_readoptions_create();
    rocksdb_readoptions_set_read_tier(r->read[READ_MEMORY], 1);
    r->write = rocksdb_writeoptions_create();
    const rocksdb_options_t *opts[SPACE_COUNT] = {r->setup.space[SPACE_META], r->setup.space[SPACE_BLOB]};
    char *text = NULL;
    rocksdb_options_set_paranoid_checks(r->setup.db, !cfg->damaged);
    r->db = rocksdb_open_column_families(r->setup.db, cfg->dir, SPACE_COUNT, names, opts, r->cf, &text);
    int rc = status(text, err);
    if (rc != 0) {
        error_prefix(err, "store in %s", cfg->dir);
        rocks_close(&r->base);
        return rc;
    }
    *out = &r->base;
    return 0;
}

#include "store/store.h"

#include "net/fiber.h"
#include "net/loop.h"
#include "store/upgrade.h"

#include <stdlib.h>

enum { FORMAT_PACKED = 5 };

static int write_format(struct engine *e, struct error *err) {
    unsigned char kind = KEY_FORMAT, format[4];
    struct batch b;
    be32_put(format, STORE_FORMAT);
    batch_init(&b);
    batch_put(&b, SPACE_META, str_of(&kind, 1), str_of(format, sizeof format));
    int rc = engine_write_one(e, &b, err);
    batch_done(&b);
    return rc != 0 ? rc : engine_sync(e, err);
}

/* Bodies of before format 4 have no signatures, and of before FORMAT_PACKED are not packed: a round over all of them
 * makes up for it (service/index.c). */
static int ask_for_signatures(struct engine *e, struct error *err) {
    struct key k = key_of_id(KEY_UNINDEXED, 0);
    static const unsigned char from_the_first[9] = {[8] = 1};
    struct batch b;
    batch_init(&b);
    batch_put(&b, SPACE_META, key_str(&k), str_of(from_the_first, sizeof from_the_first));
    int rc = engine_write_one(e, &b, err);
    batch_done(&b);
    return rc;
}

static int check_format(struct store *st, struct error *err) {
    unsigned char kind = KEY_FORMAT;
    BUF_AUTO v = BUF_INIT(64);
    int rc = engine_get(st->engine, SPACE_META, str_of(&kind, 1), READ_ANY, &v);
    st->found_format = STORE_FORMAT;
    if (rc == ERR_NOTFOUND) return write_format(st->engine, err);
    if (rc != 0 && st->engine->damaged) return 0; /* a copy of what was of a known one */
    if (rc != 0) return error_set(err, rc, "the store cannot be read: %s", err_name(rc));
    if (v.len != sizeof(uint32_t)) return error_set(err, ERR_CORRUPT, "the store has no valid format version");
    uint32_t have = be32_get((unsigned char *)v.ptr);
    if (have > STORE_FORMAT)
        return error_set(err, ERR_UNSUPPORTED,
                         "the store has format %u, written by a newer version; this one knows up to %d", have,
                         STORE_FORMAT);
    st->found_format = have;
    if (have == STORE_FORMAT) return 0;
    rc = have < 2 ? upgrade_from_1(st->engine, err) : 0;
    if (rc == 0 && have < FORMAT_PACKED) rc = ask_for_signatures(st->engine, err);
    return rc != 0 ? rc : write_format(st->engine, err);
}

static int load_ids(struct store *st, struct error *err) {
    unsigned char kind = KEY_IDS;
    BUF_AUTO v = BUF_INIT(64);
    int rc = engine_get(st->engine, SPACE_META, str_of(&kind, 1), READ_ANY, &v);
    if (rc != 0 && st->engine->damaged) { /* above all that may be there */
        st->next_id = st->reserved_id = UINT64_C(1) << 62;
        return 0;
    }
    if (rc != 0 && rc != ERR_NOTFOUND) return error_set(err, rc, "the store cannot be read: %s", err_name(rc));
    if (rc == 0 && v.len != 8) return error_set(err, ERR_CORRUPT, "the store has no valid identifier counter");
    st->next_id = st->reserved_id = rc == 0 ? be64_get((unsigned char *)v.ptr) : 1;
    return 0;
}

int store_open(struct engine *e, void (*failed)(int code, const char *text, void *arg), void *arg, struct store **out,
               struct error *err) {
    struct store *st = calloc(1, sizeof *st);
    IEMS_ASSERT(st != NULL);
    st->engine = e;
    int rc = check_format(st, err);
    if (rc == 0) rc = load_ids(st, err);
    struct commit_config cfg = {.engine = e, .post = loop_post, .failed = failed, .arg = arg};
    if (rc == 0) rc = committer_new(&cfg, &st->commits);
    if (rc != 0) {
        store_close(st);
        return rc;
    }
    *out = st;
    return 0;
}

void store_close(struct store *st) {
    if (st == NULL) return;
    committer_free(st->commits);
    engine_close(st->engine);
    free(st);
}

uint64_t store_new_id(struct store *st) {
    if (st->next_id == st->reserved_id) {
        unsigned char kind = KEY_IDS, v[8];
        st->reserved_id += STORE_IDS_BLOCK;
        be64_put(v, st->reserved_id);
        struct batch b;
        batch_init(&b);
        batch_put(&b, SPACE_META, str_of(&kind, 1), str_of(v, sizeof v));
        commit_submit(st->commits, &b, COMMIT_RELAXED, NULL, NULL);
    }
    return st->next_id++;
}

struct get_work {
    struct engine *e;
    enum engine_space space;
    struct str key;
    struct buf *out;
    int rc;
};

static void get_work(void *arg) {
    struct get_work *w = arg;
    w->rc = engine_get(w->e, w->space, w->key, READ_ANY, w->out);
}

int store_get(struct store *st, enum engine_space space, struct str key, struct buf *out) {
    int rc = engine_get(st->engine, space, key, READ_MEMORY, out);
    if (rc != ERR_AGAIN) return rc;
    struct get_work w = {st->engine, space, key, out, 0};
    rc = work_run(get_work, &w);
    return rc != 0 ? rc : w.rc;
}

struct scan_work {
    struct engine *e;
    const struct engine_range *r;
    bool (*each)(void *arg, struct str key, struct str value);
    void *arg;
    int rc;
};

static void scan_work(void *arg) {
    struct scan_work *w = arg;
    struct engine_iter *it;
    struct str k, v;
    w->rc = engine_iter_open(w->e, w->r, &it);
    if (w->rc != 0) return;
    while (engine_iter_next(w->e, it, &k, &v))
        if (!w->each(w->arg, k, v)) break;
    w->rc = engine_iter_close(w->e, it);
}

int store_scan(struct store *st, const struct engine_range *r,
               bool (*each)(void *arg, struct str key, struct str value), void *arg) {
    struct scan_work w = {st->engine, r, each, arg, 0};
    int rc = work_run(scan_work, &w);
    return rc != 0 ? rc : w.rc;
}

int store_work(void (*fn)(void *arg), void *arg) {
    return work_run(fn, arg);
}

/* A fiber that waits for the committer. On the heap, because a cancelled fiber leaves before the commit ends. */
struct wait {
    struct fiber *fiber; /* NULL: the fiber left */
    bool done;
    int rc;
};

static void wait_done(void *arg, int rc) {
    struct wait *w = arg;
    w->done = true;
    w->rc = rc;
    if (w->fiber != NULL)
        fiber_wake(w->fiber);
    else
        free(w);
}

static struct wait *wait_new(void) {
    struct wait *w = calloc(1, sizeof *w);
    IEMS_ASSERT(w != NULL);
    w->fiber = fiber_self();
    IEMS_ASSERT(w->fiber != NULL);
    return w;
}

static int wait_for(struct wait *w) {
    while (!w->done) {
        int rc = fiber_park(DEADLINE_NEVER);
        if (rc != 0 && !w->done) {
            w->fiber = NULL;
            return rc;
        }
    }
    int rc = w->rc;
    free(w);
    return rc;
}

int store_commit(struct store *st, struct batch *b, enum commit_kind kind, uint64_t *seq) {
    if (batch_error(b) != 0) return batch_error(b);
    struct wait *w = wait_new();
    uint64_t n = commit_submit(st->commits, b, kind, wait_done, w);
    if (seq != NULL) *seq = n;
    return wait_for(w);
}

int store_wait_durable(struct store *st, uint64_t seq) {
    if (seq <= commit_durable(st->commits)) return 0;
    struct wait *w = wait_new();
    commit_barrier(st->commits, seq, wait_done, w);
    return wait_for(w);
}

int store_wait_applied(struct store *st, uint64_t seq) {
    if (seq <= commit_applied(st->commits)) return 0;
    struct wait *w = wait_new();
    commit_applied_wait(st->commits, seq, wait_done, w);
    return wait_for(w);
}

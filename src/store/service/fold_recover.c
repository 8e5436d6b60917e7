/* Changes of flags that a crash left as one record are written message by message (fold.h), in slices, each of which
 * may be the last before the next crash. */
#include "store/service/fold.h"
#include "store/service/private.h"

enum { SLICE = 5000, RECORD_KEY_LEN = 17, FLAGS_LEN = 16, FLAGS_KEY_LEN = 13, VALUE_MAX = FOLD_RUNS_MAX * 8 + 64 };

struct recover {
    struct engine *e;
    struct buf key, value; /* of the record */
    uint64_t folder, modseq;
    struct flag_change change;
    struct error err;
};

/* The first record there is. ERR_NOTFOUND. */
static int take_record(struct recover *r) {
    unsigned char from = KEY_FLAG_RUNS, to = KEY_FLAG_RUNS + 1;
    struct engine_range range = {.space = SPACE_META, .from = str_of(&from, 1), .to = str_of(&to, 1)};
    struct engine_iter *it;
    struct str k, v;
    int rc = engine_iter_open(r->e, &range, &it);
    if (rc != 0) return rc;
    bool found = engine_iter_next(r->e, it, &k, &v);
    buf_clear(&r->key);
    buf_clear(&r->value);
    if (found) buf_add(&r->key, k);
    if (found) buf_add(&r->value, v);
    rc = engine_iter_close(r->e, it);
    if (rc == 0 && !found) rc = ERR_NOTFOUND;
    return rc != 0 ? rc : r->key.error != 0 ? r->key.error : r->value.error;
}

static void change_one(struct recover *r, struct batch *b, struct str key, struct str value) {
    unsigned char v[FLAGS_LEN];
    if (key.len != FLAGS_KEY_LEN || value.len != FLAGS_LEN || key_get_u64(value, 8) >= r->modseq) return;
    be64_put(v, flag_change_apply(&r->change, key_get_u64(value, 0)));
    be64_put(v + 8, r->modseq);
    batch_put(b, SPACE_META, key, str_of(v, sizeof v));
}

/* Writes the flags of UIDs from *next on to `last`, of SLICE messages at most; *next is behind them. */
static int run_slice(struct recover *r, uint64_t *next, uint32_t last) {
    struct key from, to;
    struct engine_iter *it;
    struct str k, v;
    struct batch b;
    message_key(&from, KEY_FLAGS, r->folder, (uint32_t)*next);
    message_key(&to, KEY_FLAGS, r->folder, last);
    key_bytes(&to, str_of("", 1)); /* behind it */
    struct engine_range range = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .once = true};
    int rc = engine_iter_open(r->e, &range, &it);
    if (rc != 0) return rc;
    batch_init(&b);
    *next = (uint64_t)last + 1;
    for (size_t n = 0; engine_iter_next(r->e, it, &k, &v); n++) {
        if (n == SLICE) {
            *next = key_get_u32(k, 9);
            break;
        }
        change_one(r, &b, k, v);
    }
    rc = engine_iter_close(r->e, it);
    if (rc == 0 && !batch_empty(&b)) rc = engine_write_one(r->e, &b, &r->err);
    batch_done(&b);
    return rc;
}

static int apply(struct recover *r) {
    struct str key = buf_str(&r->key);
    struct wire w = wire_of(buf_str(&r->value));
    r->change.keep = wire_get_u64(&w);
    r->change.set = wire_get_u64(&w);
    if (key.len != RECORD_KEY_LEN || w.bad) return 0; /* it cannot be read: it goes */
    r->folder = key_get_u64(key, 1);
    r->modseq = key_get_u64(key, 9);
    int rc = 0;
    while (w.rest.len > 0 && rc == 0) {
        uint64_t next = wire_get_u32(&w);
        uint32_t last = wire_get_u32(&w);
        while (rc == 0 && !w.bad && next <= last) rc = run_slice(r, &next, last);
        if (w.bad) break;
    }
    return rc;
}

struct work {
    struct recover r;
    int rc;
};

static void work(void *arg) {
    struct work *x = arg;
    struct recover *r = &x->r;
    while ((x->rc = take_record(r)) == 0) {
        struct batch b;
        batch_init(&b);
        batch_delete(&b, SPACE_META, buf_str(&r->key));
        x->rc = apply(r);
        if (x->rc == 0) x->rc = engine_write_one(r->e, &b, &r->err);
        batch_done(&b);
        if (x->rc != 0) return;
    }
    if (x->rc == ERR_NOTFOUND) x->rc = 0;
}

int folds_recover(struct service *s, struct error *err) {
    struct work x = {.r = {.e = s->st->engine, .key = BUF_INIT(KEY_MAX), .value = BUF_INIT(VALUE_MAX)}};
    int rc = store_work(work, &x);
    if (rc == 0) rc = x.rc;
    buf_done(&x.r.key);
    buf_done(&x.r.value);
    return rc == 0 ? 0 : error_set(err, rc, "changes of flags cannot be applied: %s", err_name(rc));
}

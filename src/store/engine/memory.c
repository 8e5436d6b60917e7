/* The engine in memory, for tests. Each space is a sorted array of shared entries; arrays are copied on write when a
 * snapshot, an iterator or the synced state still holds them. One mutex guards all. */
#include "store/engine/engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct item {
    unsigned refs;
    uint32_t key_len, value_len;
    char bytes[];
};

struct version {
    unsigned refs;
    size_t count, cap;
    struct item **items;
};

struct engine_snapshot {
    struct version *v[SPACE_COUNT];
};

struct memory {
    struct engine base;
    pthread_mutex_t lock;
    struct version *now[SPACE_COUNT], *synced[SPACE_COUNT];
};

struct engine_iter {
    struct memory *m;
    struct version *v;
    size_t at, from, to; /* at counts from `from` up, or from `to` down */
    bool reverse;
};

static void item_unref(struct item *i) {
    if (--i->refs == 0) free(i);
}

static struct version *version_new(void) {
    struct version *v = calloc(1, sizeof *v);
    IEMS_ASSERT(v != NULL);
    v->refs = 1;
    return v;
}

static struct version *version_ref(struct version *v) {
    v->refs++;
    return v;
}

static void version_unref(struct version *v) {
    if (--v->refs > 0) return;
    for (size_t i = 0; i < v->count; i++) item_unref(v->items[i]);
    free(v->items);
    free(v);
}

/* The version to write to: that of `now` if nobody else holds it, else a copy that takes its place. */
static struct version *writable(struct memory *m, enum engine_space s) {
    struct version *old = m->now[s];
    if (old->refs == 1) return old;
    struct version *v = version_new();
    v->cap = old->count + 16;
    v->items = malloc(v->cap * sizeof *v->items);
    IEMS_ASSERT(v->items != NULL);
    v->count = old->count;
    for (size_t i = 0; i < v->count; i++) {
        v->items[i] = old->items[i];
        v->items[i]->refs++;
    }
    version_unref(old);
    return m->now[s] = v;
}

static struct str item_key(const struct item *i) {
    return str_of(i->bytes, i->key_len);
}
static struct str item_value(const struct item *i) {
    return str_of(i->bytes + i->key_len, i->value_len);
}

/* Index of the first item that is not below `key`. */
static size_t lower_bound(const struct version *v, struct str key) {
    size_t lo = 0, hi = v->count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (str_cmp(item_key(v->items[mid]), key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool found(const struct version *v, size_t at, struct str key) {
    return at < v->count && str_eq(item_key(v->items[at]), key);
}

static void put(struct version *v, struct str key, struct str value) {
    struct item *n = malloc(sizeof *n + key.len + value.len);
    IEMS_ASSERT(n != NULL);
    *n = (struct item){.refs = 1, .key_len = (uint32_t)key.len, .value_len = (uint32_t)value.len};
    memcpy(n->bytes, key.ptr, key.len);
    if (value.len > 0) memcpy(n->bytes + key.len, value.ptr, value.len);
    size_t at = lower_bound(v, key);
    if (found(v, at, key)) {
        item_unref(v->items[at]);
        v->items[at] = n;
        return;
    }
    if (v->count == v->cap) {
        v->cap = v->cap * 2 + 16;
        v->items = realloc(v->items, v->cap * sizeof *v->items);
        IEMS_ASSERT(v->items != NULL);
    }
    memmove(v->items + at + 1, v->items + at, (v->count - at) * sizeof *v->items);
    v->items[at] = n;
    v->count++;
}

static void delete_span(struct version *v, size_t from, size_t to) {
    if (to <= from) return;
    for (size_t i = from; i < to; i++) item_unref(v->items[i]);
    memmove(v->items + from, v->items + to, (v->count - to) * sizeof *v->items);
    v->count -= to - from;
}

static bool expected(struct memory *m, const struct batch *b) {
    struct batch_op op;
    for (size_t pos = 0; batch_next(b, &pos, &op);) {
        const struct version *v = m->now[op.space];
        size_t at = lower_bound(v, op.key);
        bool there = found(v, at, op.key);
        if (op.kind == BATCH_EXPECT && (!there || !str_eq(item_value(v->items[at]), op.value))) return false;
        if (op.kind == BATCH_EXPECT_ABSENT && there) return false;
    }
    return true;
}

static void apply(struct memory *m, const struct batch *b) {
    struct batch_op op;
    for (size_t pos = 0; batch_next(b, &pos, &op);) {
        if (op.kind == BATCH_EXPECT || op.kind == BATCH_EXPECT_ABSENT) continue;
        struct version *v = writable(m, op.space);
        size_t at = lower_bound(v, op.key);
        if (op.kind == BATCH_PUT)
            put(v, op.key, op.value);
        else if (op.kind == BATCH_DELETE)
            delete_span(v, at, at + (found(v, at, op.key) ? 1 : 0));
        else
            delete_span(v, at, lower_bound(v, op.value));
    }
}

static int memory_write(struct engine *e, const struct batch *const *batches, size_t count, int *results,
                        struct error *err) {
    struct memory *m = (struct memory *)e;
    (void)err;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < count; i++) {
        results[i] = expected(m, batches[i]) ? 0 : ERR_CONFLICT;
        if (results[i] == 0) apply(m, batches[i]);
    }
    pthread_mutex_unlock(&m->lock);
    return 0;
}

static int memory_sync(struct engine *e, struct error *err) {
    struct memory *m = (struct memory *)e;
    (void)err;
    pthread_mutex_lock(&m->lock);
    for (int s = 0; s < SPACE_COUNT; s++) {
        version_unref(m->synced[s]);
        m->synced[s] = version_ref(m->now[s]);
    }
    pthread_mutex_unlock(&m->lock);
    return 0;
}

static int memory_get(struct engine *e, enum engine_space space, struct str key, enum engine_read read,
                      struct engine_snapshot *snap, engine_take take, void *arg) {
    struct memory *m = (struct memory *)e;
    (void)read;
    pthread_mutex_lock(&m->lock);
    const struct version *v = snap != NULL ? snap->v[space] : m->now[space];
    size_t at = lower_bound(v, key);
    struct item *item = found(v, at, key) ? v->items[at] : NULL;
    if (item != NULL) item->refs++;
    pthread_mutex_unlock(&m->lock);
    if (item == NULL) return ERR_NOTFOUND;
    take(arg, item_value(item)); /* without the lock: it may read, too */
    pthread_mutex_lock(&m->lock);
    item_unref(item);
    pthread_mutex_unlock(&m->lock);
    return 0;
}

static int memory_iter_open(struct engine *e, const struct engine_range *r, struct engine_iter **out) {
    struct memory *m = (struct memory *)e;
    struct engine_iter *it = calloc(1, sizeof *it);
    if (it == NULL) return ERR_NOMEM;
    pthread_mutex_lock(&m->lock);
    it->m = m;
    it->v = version_ref(r->snapshot != NULL ? r->snapshot->v[r->space] : m->now[r->space]);
    pthread_mutex_unlock(&m->lock);
    it->reverse = r->reverse;
    it->from = lower_bound(it->v, r->from);
    it->to = r->to.len == 0 ? it->v->count : lower_bound(it->v, r->to);
    if (it->to < it->from) it->to = it->from;
    *out = it;
    return 0;
}

static bool memory_iter_next(struct engine_iter *it, struct str *key, struct str *value) {
    if (it->from + it->at >= it->to) return false;
    const struct item *i = it->v->items[it->reverse ? it->to - 1 - it->at : it->from + it->at];
    it->at++;
    *key = item_key(i);
    *value = item_value(i);
    return true;
}

static int memory_iter_close(struct engine_iter *it) {
    struct memory *m = it->m;
    pthread_mutex_lock(&m->lock);
    version_unref(it->v);
    pthread_mutex_unlock(&m->lock);
    free(it);
    return 0;
}

static struct engine_snapshot *memory_snapshot_new(struct engine *e) {
    struct memory *m = (struct memory *)e;
    struct engine_snapshot *s = calloc(1, sizeof *s);
    IEMS_ASSERT(s != NULL);
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < SPACE_COUNT; i++) s->v[i] = version_ref(m->now[i]);
    pthread_mutex_unlock(&m->lock);
    return s;
}

static void memory_snapshot_free(struct engine *e, struct engine_snapshot *s) {
    struct memory *m = (struct memory *)e;
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < SPACE_COUNT; i++) version_unref(s->v[i]);
    pthread_mutex_unlock(&m->lock);
    free(s);
}

static int memory_checkpoint(struct engine *e, const char *dir, struct error *err) {
    (void)e;
    (void)dir;
    return error_set(err, ERR_UNSUPPORTED, "the memory engine has no files");
}

static int memory_compact(struct engine *e, enum engine_space space, struct str from, struct str to,
                          struct error *err) {
    (void)e, (void)space, (void)from, (void)to, (void)err;
    return 0;
}

static void memory_stats(struct engine *e, struct engine_stats *out) {
    struct memory *m = (struct memory *)e;
    pthread_mutex_lock(&m->lock);
    out->keys_estimate = m->now[SPACE_META]->count + m->now[SPACE_BLOB]->count;
    pthread_mutex_unlock(&m->lock);
}

static void memory_close(struct engine *e) {
    struct memory *m = (struct memory *)e;
    for (int s = 0; s < SPACE_COUNT; s++) {
        version_unref(m->now[s]);
        version_unref(m->synced[s]);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct engine_ops memory_ops = {
    .name = "memory",
    .close = memory_close,
    .get = memory_get,
    .write = memory_write,
    .sync = memory_sync,
    .iter_open = memory_iter_open,
    .iter_next = memory_iter_next,
    .iter_close = memory_iter_close,
    .snapshot_new = memory_snapshot_new,
    .snapshot_free = memory_snapshot_free,
    .checkpoint = memory_checkpoint,
    .compact = memory_compact,
    .stats = memory_stats,
};

int engine_memory_open(struct engine **out) {
    struct memory *m = calloc(1, sizeof *m);
    if (m == NULL) return ERR_NOMEM;
    m->base.ops = &memory_ops;
    pthread_mutex_init(&m->lock, NULL);
    for (int s = 0; s < SPACE_COUNT; s++) {
        m->now[s] = version_new();
        m->synced[s] = version_ref(m->now[s]);
    }
    *out = &m->base;
    return 0;
}

void engine_memory_crash(struct engine *e) {
    IEMS_ASSERT(e->ops == &memory_ops);
    struct memory *m = (struct memory *)e;
    pthread_mutex_lock(&m->lock);
    for (int s = 0; s < SPACE_COUNT; s++) {
        version_unref(m->now[s]);
        m->now[s] = version_ref(m->synced[s]);
    }
    pthread_mutex_unlock(&m->lock);
}

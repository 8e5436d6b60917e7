#include "store/engine/engine.h"

void engine_close(struct engine *e) {
    if (e != NULL) e->ops->close(e);
}

int engine_visit(struct engine *e, enum engine_space space, struct str key, enum engine_read read, engine_take take,
                 void *arg) {
    return e->ops->get(e, space, key, read, NULL, take, arg);
}

static void take_buf(void *arg, struct str value) {
    buf_add(arg, value);
}

int engine_get(struct engine *e, enum engine_space space, struct str key, enum engine_read read, struct buf *out) {
    int rc = e->ops->get(e, space, key, read, NULL, take_buf, out);
    return rc != 0 ? rc : out->error;
}

int engine_get_at(struct engine *e, struct engine_snapshot *snap, enum engine_space space, struct str key,
                  struct buf *out) {
    int rc = e->ops->get(e, space, key, READ_ANY, snap, take_buf, out);
    return rc != 0 ? rc : out->error;
}

int engine_write(struct engine *e, const struct batch *const *batches, size_t count, int *results, struct error *err) {
    return e->ops->write(e, batches, count, results, err);
}

int engine_write_one(struct engine *e, const struct batch *b, struct error *err) {
    int result = 0, rc = e->ops->write(e, &b, 1, &result, err);
    return rc != 0 ? rc : result;
}

int engine_sync(struct engine *e, struct error *err) {
    return e->ops->sync(e, err);
}

int engine_iter_open(struct engine *e, const struct engine_range *r, struct engine_iter **out) {
    return e->ops->iter_open(e, r, out);
}

bool engine_iter_next(struct engine *e, struct engine_iter *it, struct str *key, struct str *value) {
    return e->ops->iter_next(it, key, value);
}

int engine_iter_close(struct engine *e, struct engine_iter *it) {
    return e->ops->iter_close(it);
}

struct engine_snapshot *engine_snapshot_new(struct engine *e) {
    return e->ops->snapshot_new(e);
}

void engine_snapshot_free(struct engine *e, struct engine_snapshot *s) {
    e->ops->snapshot_free(e, s);
}

int engine_checkpoint(struct engine *e, const char *dir, struct error *err) {
    return e->ops->checkpoint(e, dir, err);
}

int engine_compact(struct engine *e, enum engine_space space, struct str from, struct str to, struct error *err) {
    return e->ops->compact(e, space, from, to, err);
}

int engine_settle(struct engine *e, struct error *err) {
    return e->ops->settle != NULL ? e->ops->settle(e, err) : 0;
}

void engine_compact_stop(struct engine *e) {
    if (e->ops->compact_stop != NULL) e->ops->compact_stop(e);
}

void engine_get_stats(struct engine *e, struct engine_stats *out) {
    *out = (struct engine_stats){0};
    e->ops->stats(e, out);
}

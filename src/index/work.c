#include "index/work.h"

#include "base/log.h"
#include "index/make.h"
#include "net/fiber.h"
#include "net/loop.h"

enum {
    TAKE = 32, /* bodies at once */
    TAKE_MS = 90 * 1000,
    CALL_MS = 60 * 1000,
    RETRY_MS = 1000,
    WINDOW = 256 * 1024,           /* of a body, at least so much at once */
    MEMORY_MAX = 16 * 1024 * 1024, /* of the signatures of one take */
};

/* A body as it came, or read from the store in pieces. */
struct body {
    struct index_work *w;
    const Store__IndexBody *info;
    struct str bytes;
    uint64_t at; /* of what is held, in the body: a window, since it may have a hundred thousand small parts */
    struct rpc_reply hold;
};

static int read_window(struct body *b, uint64_t offset, size_t max) {
    Store__IndexRead req = STORE__INDEX_READ__INIT;
    struct error err = {0};
    uint64_t left = b->info->size - offset;
    if (max < WINDOW) max = left < WINDOW ? (size_t)left : WINDOW;
    req.body = b->info->body;
    req.offset = b->at = offset;
    req.length = max;
    rpc_reply_free(&b->hold);
    int rc = rpc_call(b->w->store, STORE_INDEX_READ, &req.base, STR_EMPTY, loop_now_ms() + CALL_MS, &b->hold, &err);
    if (rc != 0) return rc;
    return b->hold.attach.len > 0 && b->hold.attach.len <= max ? 0 : ERR_CORRUPT;
}

static int read_body(void *arg, uint64_t offset, size_t max, struct str *out) {
    struct body *b = arg;
    if (offset >= b->info->size) return ERR_CORRUPT;
    if (b->info->attached) {
        *out = str_sub(b->bytes, (size_t)offset, max);
        return out->len > 0 ? 0 : ERR_CORRUPT;
    }
    if (offset < b->at || offset - b->at >= b->hold.attach.len) {
        int rc = read_window(b, offset, max);
        if (rc != 0) return rc;
    }
    *out = str_sub(b->hold.attach, (size_t)(offset - b->at), max);
    return 0;
}

static int make_one(struct index_work *w, const Store__IndexBody *info, struct str bytes, struct arena *arena,
                    Store__IndexMade *out) {
    struct body body = {.w = w, .info = info, .bytes = bytes};
    struct search_source source = {read_body, &body, info->size};
    BUF_AUTO signature = BUF_INIT(SIGNATURE_MAX);
    int rc = index_make(w->builder, rpc_bytes(info->summary), &source, &signature);
    rpc_reply_free(&body.hold);
    if (rc != 0) return rc;
    struct str copy = arena_str(arena, buf_str(&signature));
    if (copy.ptr == NULL) return ERR_NOMEM;
    store__index_made__init(out);
    out->body = info->body;
    out->signature = rpc_binary(copy);
    w->count.bodies++;
    w->count.bytes += info->size;
    w->count.signature_bytes += copy.len;
    return 0;
}

/* What cannot be read now is left: it is given again after a restart. */
static int make_all(struct index_work *w, const struct rpc_reply *taken, struct arena *arena, Store__IndexPut *put) {
    const Store__IndexBodies *bodies = (const Store__IndexBodies *)taken->msg;
    struct str rest = taken->attach;
    put->made = arena_alloc(arena, (bodies->n_bodies + 1) * sizeof(Store__IndexMade *));
    if (put->made == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < bodies->n_bodies; i++) {
        const Store__IndexBody *info = bodies->bodies[i];
        struct str bytes = info->attached ? str_sub(rest, 0, (size_t)info->size) : STR_EMPTY;
        Store__IndexMade *made = arena_alloc(arena, sizeof *made);
        if (info->attached) rest = str_sub(rest, (size_t)info->size, SIZE_MAX);
        if (made == NULL) return ERR_NOMEM;
        int rc = make_one(w, info, bytes, arena, made);
        if (rc == 0) put->made[put->n_made++] = made;
        if (rc != 0 && rc != ERR_NOTFOUND) {
            w->count.failures++;
            log_event(LOG_WARNING, "-", "index_failed", "body=%llu error=\"%s\"", (unsigned long long)info->body,
                      err_name(rc));
        }
        fiber_yield();
    }
    return 0;
}

static int round_once(struct index_work *w, struct error *err) {
    Store__IndexTake take = STORE__INDEX_TAKE__INIT;
    Store__IndexPut put = STORE__INDEX_PUT__INIT;
    RPC_REPLY_AUTO taken = {0};
    ARENA_AUTO arena = arena_new(MEMORY_MAX);
    take.max = TAKE;
    if (arena == NULL) return ERR_NOMEM;
    int rc = rpc_call(w->store, STORE_INDEX_TAKE, &take.base, STR_EMPTY, loop_now_ms() + TAKE_MS, &taken, err);
    if (rc == 0) rc = make_all(w, &taken, arena, &put);
    if (rc != 0 || put.n_made == 0) return rc;
    return rpc_call(w->store, STORE_INDEX_PUT, &put.base, STR_EMPTY, loop_now_ms() + CALL_MS, NULL, err);
}

void index_work_run(void *arg) {
    struct index_work *w = arg;
    while (!w->stopping) {
        struct error err = {0};
        int rc = round_once(w, &err);
        if (rc == ERR_CANCELLED) return;
        if (rc != 0 && fiber_sleep(RETRY_MS) != 0) return;
    }
}

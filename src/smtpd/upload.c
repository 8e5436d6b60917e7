#include "smtpd/upload.h"

#include "net/fiber.h"
#include "net/loop.h"
#include "rpc/store_methods.h"

#include <stdlib.h>

enum { UPLOAD_TIMEOUT_MS = 60 * 1000 };

struct upload {
    const struct store_link *store;
    uint64_t generation, handle;
    struct buf sending;
    bool busy;           /* the fiber is at work */
    bool released, drop; /* nobody but the fiber knows this any more */
    int rc;              /* of the appends so far */
    struct error err;
    struct cond changed;
};

static void upload_free(struct upload *u) {
    buf_done(&u->sending);
    free(u);
}

bool upload_is_current(const struct upload *u) {
    return u->generation == u->store->generation;
}

uint64_t upload_handle(const struct upload *u) {
    return u->handle;
}

int upload_open(const struct store_link *store, uint64_t size_hint, struct upload **out, struct error *err) {
    struct upload *u = calloc(1, sizeof *u);
    if (u == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    u->store = store;
    buf_init(&u->sending, RPC_INLINE_MAX);
    cond_init(&u->changed);
    Store__UploadNew request = STORE__UPLOAD_NEW__INIT;
    request.size_hint = size_hint;
    RPC_REPLY_AUTO reply = {0};
    int rc = rpc_call(store->client, STORE_UPLOAD_NEW, &request.base, STR_EMPTY, loop_now_ms() + UPLOAD_TIMEOUT_MS,
                      &reply, err);
    if (rc < 0) {
        upload_free(u);
        return rc;
    }
    u->handle = ((const Store__UploadHandle *)reply.msg)->upload;
    u->generation = store->generation;
    *out = u;
    return 0;
}

static int append(struct upload *u, struct error *err) {
    if (!upload_is_current(u)) return error_set(err, ERR_IO, "connection to the store was lost");
    Store__UploadAppend request = STORE__UPLOAD_APPEND__INIT;
    request.upload = u->handle;
    return rpc_call(u->store->client, STORE_UPLOAD_APPEND, &request.base, buf_str(&u->sending),
                    loop_now_ms() + UPLOAD_TIMEOUT_MS, NULL, err);
}

static void drop(struct upload *u) {
    if (!upload_is_current(u)) return;
    Store__UploadDrop request = STORE__UPLOAD_DROP__INIT;
    request.upload = u->handle;
    (void)!rpc_call(u->store->client, STORE_UPLOAD_DROP, &request.base, STR_EMPTY, loop_now_ms() + UPLOAD_TIMEOUT_MS,
                    NULL, NULL);
}

/* The fiber: one append, or none when there is nothing to send; then, when the session is gone, the end. */
static void upload_fiber(void *arg) {
    struct upload *u = arg;
    if (u->rc == 0 && u->sending.len > 0 && !u->released) u->rc = append(u, &u->err);
    u->busy = false;
    if (u->released) {
        if (u->drop) drop(u);
        upload_free(u);
        return;
    }
    cond_broadcast(&u->changed);
}

int upload_wait(struct upload *u, struct error *err) {
    while (u->busy) {
        int rc = cond_wait(&u->changed, loop_now_ms() + 2 * UPLOAD_TIMEOUT_MS);
        if (rc < 0) return error_set(err, rc, "waiting for the store: %s", err_name(rc));
    }
    return u->rc < 0 ? error_set(err, u->rc, "%s", u->err.text) : 0;
}

int upload_append(struct upload *u, struct buf *piece, struct error *err) {
    int rc = upload_wait(u, err);
    if (rc < 0) return rc;
    struct buf empty = u->sending;
    buf_clear(&empty);
    u->sending = *piece;
    *piece = empty;
    u->busy = true;
    rc = fiber_spawn("upload", upload_fiber, u, NULL);
    if (rc < 0) {
        u->busy = false;
        u->rc = error_set(&u->err, rc, "out of memory");
        return error_set(err, rc, "out of memory");
    }
    return 0;
}

void upload_release(struct upload *u, bool want_drop) {
    if (u == NULL) return;
    u->released = true;
    u->drop = want_drop;
    if (u->busy) return;
    if (!want_drop || !upload_is_current(u) || fiber_spawn("upload drop", upload_fiber, u, NULL) < 0) upload_free(u);
}

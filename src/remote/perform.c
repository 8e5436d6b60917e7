/* What was asked, done on this host: by the responder, and by the store for what only it knows. */
#include "remote/remote.h"

#include "net/loop.h"
#include "rpc/control_methods.h"
#include "rpc/frame.h"
#include "rpc/store_methods.h"

#include <string.h>

enum { STORE_WAIT_MS = 3000 };

/* A copy that lives as long as `arena`. */
static int keep(const ProtobufCMessage *msg, struct arena *arena, ProtobufCMessage **out, struct error *err) {
    size_t len = protobuf_c_message_get_packed_size(msg);
    unsigned char *bytes = arena_alloc(arena, len + 1);
    if (bytes == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    (void)protobuf_c_message_pack(msg, bytes);
    int rc = rpc_unpack(msg->descriptor, str_of(bytes, len), arena, out);
    return rc == 0 ? 0 : error_set(err, ERR_NOMEM, "out of memory");
}

/* ---------------------------------------------------------------- state */

/* What the store says; `store` points into the replies. */
struct store_parts {
    Remote__Store store;
    struct rpc_reply stats, status, progress;
};

static void take_queues(Remote__Store *out, const Store__QueueStats *q) {
    out->n_channels = q->n_channels;
    out->channels = q->channels;
    out->disk_total = q->disk_total;
    out->disk_free = q->disk_free;
    out->disk_warning = q->disk_warning;
}

static int ask_store(struct remote *r, struct store_parts *p, struct error *err) {
    Store__Empty empty = STORE__EMPTY__INIT;
    Store__StoreCheckProgressRequest nothing = STORE__STORE_CHECK_PROGRESS_REQUEST__INIT;
    uint64_t until = loop_now_ms() + STORE_WAIT_MS;
    int rc = rpc_call(r->store, STORE_QUEUE_STATS, &empty.base, STR_EMPTY, until, &p->stats, err);
    if (rc == 0) rc = rpc_call(r->store, STORE_STATUS, &empty.base, STR_EMPTY, until, &p->status, err);
    if (rc == 0)
        rc = rpc_call(r->store, STORE_STORE_CHECK_PROGRESS, &nothing.base, STR_EMPTY, until, &p->progress, err);
    if (rc != 0) return rc;
    const Store__StoreStatus *s = (const void *)p->status.msg;
    const Store__StoreCheckProgress *c = (const void *)p->progress.msg;
    take_queues(&p->store, (const void *)p->stats.msg);
    p->store.accepting = s->accepting;
    p->store.reason = s->reason;
    p->store.format = c->format;
    p->store.found_format = c->found_format;
    return 0;
}

static int state(struct remote *r, struct arena *arena, ProtobufCMessage **reply, struct error *err) {
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO status = {0};
    struct error store_err = {0};
    struct store_parts p = {.store = REMOTE__STORE__INIT};
    int rc = rpc_call(r->control, CONTROL_STATUS, &empty.base, STR_EMPTY, remote_deadline(REMOTE_STATE), &status, err);
    if (rc != 0) return rc;
    Remote__State s = REMOTE__STATE__INIT;
    rc = ask_store(r, &p, &store_err);
    if (rc != 0)
        p.store.problem = store_err.text[0] != '\0' ? store_err.text : (char *)(uintptr_t) "the store does not answer";
    s.status = (Control__Status *)(void *)status.msg;
    s.store = &p.store;
    rc = keep(&s.base, arena, reply, err);
    rpc_reply_free(&p.stats);
    rpc_reply_free(&p.status);
    rpc_reply_free(&p.progress);
    return rc;
}

/* ---------------------------------------------------------------- the others */

static int metrics(struct remote *r, struct arena *arena, ProtobufCMessage **reply, struct error *err) {
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO got = {0};
    Remote__Metrics m = REMOTE__METRICS__INIT;
    int rc = rpc_call(r->control, CONTROL_METRICS, &empty.base, STR_EMPTY, remote_deadline(REMOTE_METRICS), &got, err);
    if (rc != 0) return rc;
    m.text = ((const Control__Metrics *)(const void *)got.msg)->text;
    return keep(&m.base, arena, reply, err);
}

static int done(struct arena *arena, ProtobufCMessage **reply, struct error *err) {
    Remote__Empty empty = REMOTE__EMPTY__INIT;
    return keep(&empty.base, arena, reply, err);
}

static int action(struct remote *r, const struct remote_request *q, struct error *err) {
    Control__ModuleAction a = CONTROL__MODULE_ACTION__INIT;
    a.module = (char *)(uintptr_t)q->module;
    a.verb = (char *)(uintptr_t)q->verb;
    return rpc_call(r->control, CONTROL_MODULE_ACTION, &a.base, STR_EMPTY, remote_deadline(REMOTE_ACTION), NULL, err);
}

static int reload(struct remote *r, struct error *err) {
    Control__Empty empty = CONTROL__EMPTY__INIT;
    return rpc_call(r->control, CONTROL_RELOAD, &empty.base, STR_EMPTY, remote_deadline(REMOTE_RELOAD), NULL, err);
}

static int level(struct remote *r, const struct remote_request *q, struct error *err) {
    Control__LogLevel l = CONTROL__LOG_LEVEL__INIT;
    l.level = (char *)(uintptr_t)(strcmp(q->verb, "default") == 0 ? "" : q->verb);
    return rpc_call(r->control, CONTROL_LOG_LEVEL, &l.base, STR_EMPTY, remote_deadline(q->method), NULL, err);
}

int remote_perform(struct remote *r, const struct remote_request *q, struct arena *arena, ProtobufCMessage **reply,
                   struct error *err) {
    int rc = 0;
    switch (q->method) {
    case REMOTE_STATE: return state(r, arena, reply, err);
    case REMOTE_METRICS: return metrics(r, arena, reply, err);
    case REMOTE_ACTION: rc = action(r, q, err); break;
    case REMOTE_RELOAD: rc = reload(r, err); break;
    case REMOTE_LOG_LEVEL: rc = level(r, q, err); break;
    default: return error_set(err, ERR_UNSUPPORTED, "this cannot be asked for");
    }
    return rc == 0 ? done(arena, reply, err) : rc;
}

/* A session holds its connection; requests hold their session. A session ends when the connection breaks or by
 * rpc_session_close: `session_closed` is called then, and the memory goes with the last request. */
#include "net/fiber.h"
#include "rpc/frame.h"
#include "rpc/io.h"

#include <stdlib.h>
#include <string.h>

enum {
    METHOD_IDS = 256,               /* methods have ids below this */
    PAUSE_UNSENT = 4 * 1024 * 1024, /* a peer that does not read its replies gets no more requests taken */
    PAUSE_LOW = 1024 * 1024,
    NAME_MAX_LEN = 47,
};

struct rpc_server {
    const struct rpc_service *service;
    struct rpc_server_ops ops;
    void *arg;
    struct list sessions;
    unsigned refs; /* owner, sessions */
    uint64_t next_id;
    struct {
        const struct rpc_method *method;
        const struct rpc_server_method *handler;
    } by_id[METHOD_IDS];
};

struct rpc_session {
    struct list node;
    struct rpc_server *server;
    struct rpc_io *io; /* NULL once it is closed */
    unsigned refs;     /* the open connection, requests, callbacks on the stack */
    unsigned in_flight;
    size_t in_flight_bytes;
    uint32_t role;
    uint64_t id;
    void *data;
    char name[NAME_MAX_LEN + 1];
};

struct request {
    struct rpc_request pub;
    uint32_t id;
    size_t bytes;
    void *frame; /* memory of a large frame, or NULL */
    const struct rpc_server_method *handler;
};

static void server_unref(struct rpc_server *s) {
    if (--s->refs == 0) free(s);
}

static void session_unref(struct rpc_session *s) {
    if (--s->refs > 0) return;
    server_unref(s->server);
    free(s);
}

static void session_end(struct rpc_session *s) {
    list_remove(&s->node);
    s->io = NULL;
    if (s->server->ops.session_closed != NULL) s->server->ops.session_closed(s, s->server->arg);
    session_unref(s);
}

void rpc_session_close(struct rpc_session *s) {
    if (s->io == NULL) return;
    rpc_io_close(s->io);
    session_end(s);
}

static void session_refused(struct rpc_session *s, const char *method, const char *why) {
    if (s->server->ops.refused != NULL) s->server->ops.refused(s, method, why, s->server->arg);
}

/* ---------------------------------------------------------------- answers */

static void session_drained(void *arg);

/* Reading pauses while too much is under way or unsent. */
static void session_balance(struct rpc_session *s) {
    if (s->io == NULL) return;
    bool full = s->in_flight >= RPC_IN_FLIGHT_MAX || s->in_flight_bytes >= RPC_IN_FLIGHT_BYTES;
    bool unsent = rpc_io_unsent(s->io) > PAUSE_UNSENT;
    if (unsent) rpc_io_on_drain(s->io, PAUSE_LOW, session_drained);
    rpc_io_pause(s->io, full || unsent);
}

static void session_drained(void *arg) {
    session_balance(arg);
}

static void request_free(struct request *q) {
    struct rpc_session *s = q->pub.session;
    s->in_flight--;
    s->in_flight_bytes -= q->bytes;
    free(q->frame);
    arena_free(q->pub.arena); /* q lives in it */
    session_balance(s);
    session_unref(s);
}

static void send_error(struct rpc_session *s, uint32_t id, uint16_t method, int code, struct str text) {
    char attach[4 + ERROR_TEXT_MAX];
    if (text.len > ERROR_TEXT_MAX) text.len = ERROR_TEXT_MAX;
    rpc_error_head((unsigned char *)attach, code < 0 ? code : ERR_INVALID);
    if (text.len > 0) memcpy(attach + 4, text.ptr, text.len);
    struct rpc_out out = {.id = id, .method = method, .kind = RPC_ERROR, .attach = str_of(attach, 4 + text.len)};
    (void)!rpc_io_send(s->io, &out);
}

void rpc_answer(struct rpc_request *r, const ProtobufCMessage *msg, struct str attach) {
    struct request *q = (struct request *)r;
    struct rpc_session *s = r->session;
    struct rpc_out out = {.id = q->id, .method = r->method, .kind = RPC_REPLY, .msg = msg, .attach = attach};
    if (rpc_io_send(s->io, &out) == ERR_LIMIT) {
        send_error(s, q->id, r->method, ERR_LIMIT, STR("the reply is too large"));
    }
    request_free(q);
}

void rpc_fail(struct rpc_request *r, int code, const char *text) {
    struct request *q = (struct request *)r;
    send_error(r->session, q->id, r->method, code, str_from(text));
    request_free(q);
}

/* ---------------------------------------------------------------- requests */

static void request_run(struct request *q) {
    struct error err = {0};
    int rc = q->handler->handle(&q->pub, &err, q->pub.session->server->arg);
    if (rc < 0) rpc_fail(&q->pub, rc, err.text[0] != '\0' ? err.text : err_name(rc));
}

/* The peer may have gone since the fiber was made; then session_closed was called, and what belongs to the session is
 * no more. Nobody waits for the answer. */
static void request_fiber(void *arg) {
    struct request *q = arg;
    if (q->pub.session->io == NULL)
        request_free(q);
    else
        request_run(q);
}

static int request_new(struct rpc_session *s, const struct rpc_frame *f, const struct rpc_method *m,
                       struct request **out) {
    struct arena *arena = arena_new(RPC_UNPACK_MAX);
    if (arena == NULL) return ERR_NOMEM;
    struct request *q = arena_alloc(arena, sizeof *q);
    ProtobufCMessage *msg = NULL;
    int rc = q == NULL ? ERR_NOMEM : rpc_unpack(m->request, f->body, arena, &msg);
    struct str attach = f->attach;
    void *frame = NULL;
    if (rc == 0 && attach.len > 0) {
        frame = rpc_io_take(s->io);
        if (frame == NULL) attach = arena_str(arena, attach);
        if (attach.ptr == NULL) rc = ERR_NOMEM;
    }
    if (rc != 0) {
        arena_free(arena);
        return rc;
    }
    *q = (struct request){
        .pub = {.session = s, .method = f->method, .msg = msg, .attach = attach, .arena = arena},
        .id = f->id,
        .bytes = f->body.len + f->attach.len,
        .frame = frame,
        .handler = s->server->by_id[f->method].handler,
    };
    s->refs++;
    s->in_flight++;
    s->in_flight_bytes += q->bytes;
    *out = q;
    return 0;
}

static int session_request(struct rpc_session *s, const struct rpc_frame *f) {
    struct rpc_server *server = s->server;
    const struct rpc_method *m = f->method < METHOD_IDS ? server->by_id[f->method].method : NULL;
    if (m == NULL || server->by_id[f->method].handler == NULL) {
        session_refused(s, m == NULL ? "?" : m->name, "unknown method");
        send_error(s, f->id, f->method, ERR_UNSUPPORTED, STR("this method does not exist here"));
        return 0;
    }
    if ((m->roles & s->role) == 0) {
        session_refused(s, m->name, "not permitted to this role");
        struct error err;
        error_set(&err, ERR_DENIED, "%s.%s is not permitted to %s", server->service->name, m->name,
                  rpc_role_name(s->role));
        send_error(s, f->id, f->method, ERR_DENIED, str_from(err.text));
        return 0;
    }
    struct request *q;
    int rc = request_new(s, f, m, &q);
    if (rc != 0) return rc;
    session_balance(s);
    if (!q->handler->in_fiber) {
        request_run(q);
    } else if (fiber_spawn(m->name, request_fiber, q, NULL) != 0) {
        rpc_fail(&q->pub, ERR_NOMEM, "too many requests at once");
    }
    return 0;
}

static int session_frame(const struct rpc_frame *f, void *arg) {
    struct rpc_session *s = arg;
    if (f->kind != RPC_REQUEST) return ERR_INVALID;
    s->refs++;
    int rc = session_request(s, f);
    session_unref(s);
    return rc;
}

static void session_ended(int code, const char *why, void *arg) {
    struct rpc_session *s = arg;
    if (code != ERR_CLOSED) session_refused(s, "-", why);
    session_end(s);
}

static const struct rpc_io_ops session_io_ops = {.frame = session_frame, .ended = session_ended};

/* ---------------------------------------------------------------- server */

static int bind_methods(struct rpc_server *s) {
    for (size_t i = 0; i < s->service->count; i++) {
        const struct rpc_method *m = &s->service->methods[i];
        IEMS_ASSERT(m->id < METHOD_IDS);
        if (m->request != NULL) s->by_id[m->id].method = m;
    }
    for (size_t i = 0; i < s->ops.count; i++) {
        const struct rpc_server_method *h = &s->ops.methods[i];
        IEMS_ASSERT(h->id < METHOD_IDS);
        if (s->by_id[h->id].method == NULL || s->by_id[h->id].handler != NULL) return ERR_INVALID;
        s->by_id[h->id].handler = h;
    }
    return 0;
}

int rpc_server_new(const struct rpc_service *service, const struct rpc_server_ops *ops, void *arg,
                   struct rpc_server **out) {
    struct rpc_server *s = calloc(1, sizeof *s);
    if (s == NULL) return ERR_NOMEM;
    s->service = service;
    s->ops = *ops;
    s->arg = arg;
    s->refs = 1;
    list_init(&s->sessions);
    int rc = bind_methods(s);
    if (rc != 0) {
        free(s);
        return rc;
    }
    *out = s;
    return 0;
}

int rpc_server_add(struct rpc_server *s, int fd, uint32_t role, const char *name) {
    struct rpc_session *n = calloc(1, sizeof *n);
    if (n == NULL) return ERR_NOMEM;
    *n = (struct rpc_session){.server = s, .role = role, .id = ++s->next_id, .refs = 1};
    size_t len = strnlen(name, NAME_MAX_LEN);
    memcpy(n->name, name, len);
    int rc = rpc_io_open(fd, &session_io_ops, n, &n->io);
    if (rc != 0) {
        free(n);
        return rc;
    }
    list_push_back(&s->sessions, &n->node);
    s->refs++;
    if (s->ops.session_opened != NULL) s->ops.session_opened(n, s->arg);
    return 0;
}

void rpc_server_free(struct rpc_server *s) {
    if (s == NULL) return;
    for (struct list *it; (it = list_first(&s->sessions)) != NULL;)
        rpc_session_close(list_entry(it, struct rpc_session, node));
    server_unref(s);
}

const char *rpc_session_name(const struct rpc_session *s) {
    return s->name;
}

uint64_t rpc_session_id(const struct rpc_session *s) {
    return s->id;
}

void rpc_session_set_data(struct rpc_session *s, void *data) {
    s->data = data;
}

void *rpc_session_data(const struct rpc_session *s) {
    return s->data;
}

int rpc_session_event(struct rpc_session *s, uint16_t method, const ProtobufCMessage *msg, struct str attach) {
    struct rpc_out out = {.method = method, .kind = RPC_EVENT, .msg = msg, .attach = attach};
    return rpc_io_send(s->io, &out) == 0 ? 0 : ERR_LIMIT;
}

void rpc_session_flush(struct rpc_session *s) {
    rpc_io_flush(s->io);
}

size_t rpc_session_unsent(const struct rpc_session *s) {
    return rpc_io_unsent(s->io);
}

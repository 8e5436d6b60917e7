/* A connection is made by the connector fiber, which also runs `connected` (its own calls go out before those of
 * others). Answers find their caller by slot: request id = generation << SLOT_BITS | slot, never 0. */
#include "net/fiber.h"
#include "net/loop.h"
#include "rpc/frame.h"
#include "rpc/io.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SLOT_BITS = 10,
    SLOTS = 1 << SLOT_BITS, /* RPC_IN_FLIGHT_MAX calls at once; more wait for a slot */
    GENERATION_MAX = (1 << (32 - SLOT_BITS)) - 1,
    OUT_HIGH = 4 * 1024 * 1024, /* calls wait while more than this is unsent */
    BACKOFF_MIN_MS = 50,
    BACKOFF_MAX_MS = 1000,
    CONNECT_TIMEOUT_MS = 10000,
    STEADY_MS = 1000, /* a connection that lived so long starts the back-off anew */
};

_Static_assert((int)SLOTS == (int)RPC_IN_FLIGHT_MAX, "one slot for each request that may be under way");

/* A call under way; lives on the stack of its fiber. */
struct call {
    struct fiber *fiber;
    const struct rpc_method *method;
    bool done;
    int code;
    struct rpc_reply *reply;
    struct error *err;
};

struct slot {
    struct call *call; /* NULL = free */
    uint32_t generation;
    int next_free;
};

struct rpc_client {
    const struct rpc_service *service;
    struct rpc_client_ops ops;
    void *arg;
    unsigned refs;     /* owner, connector, calls that wait */
    bool dead;         /* rpc_client_free was called */
    bool ready;        /* `connected` has returned: all calls may go out */
    struct rpc_io *io; /* NULL = no connection */
    struct fiber *connector;
    struct cond changed; /* ready, a free slot, output drained, broken */
    int free_slot;       /* -1 = none among those used so far */
    int used;            /* slots[used..] were never used and never touched */
    struct slot slots[SLOTS];
};

static void client_unref(struct rpc_client *c) {
    if (--c->refs == 0) free(c);
}

/* ---------------------------------------------------------------- answers */

static void call_finish(struct rpc_client *c, int index, int code) {
    struct slot *s = &c->slots[index];
    struct call *call = s->call;
    s->call = NULL;
    s->generation = s->generation >= GENERATION_MAX ? 1 : s->generation + 1;
    s->next_free = c->free_slot;
    c->free_slot = index;
    cond_signal(&c->changed);
    call->done = true;
    call->code = code;
    fiber_wake(call->fiber);
}

static void fail_all(struct rpc_client *c, int code, const char *why) {
    for (int i = 0; i < c->used; i++) {
        struct call *call = c->slots[i].call;
        if (call == NULL) continue;
        call_finish(c, i, error_set(call->err, code, "%s: %s: %s", c->service->name, call->method->name, why));
    }
}

struct reply_memory {
    struct arena *arena;
    void *frame; /* memory of a large frame, or NULL */
};

static void reply_memory_free(struct reply_memory *m) {
    free(m->frame);
    arena_free(m->arena);
}

/* Unpacks a frame into memory that outlives it. */
static int reply_fill(struct rpc_client *c, const struct rpc_frame *f, const ProtobufCMessageDescriptor *type,
                      struct rpc_reply *out) {
    struct arena *arena = arena_new(RPC_UNPACK_MAX);
    if (arena == NULL) return ERR_NOMEM;
    struct reply_memory *m = arena_alloc(arena, sizeof *m);
    ProtobufCMessage *msg = NULL;
    int rc = m == NULL ? ERR_NOMEM : rpc_unpack(type, f->body, arena, &msg);
    struct str attach = f->attach;
    if (rc == 0) {
        *m = (struct reply_memory){.arena = arena};
        if (attach.len > 0) m->frame = rpc_io_take(c->io);
        if (attach.len > 0 && m->frame == NULL) attach = arena_str(arena, attach);
        if (attach.ptr == NULL && f->attach.len > 0) rc = ERR_NOMEM;
    }
    if (rc != 0) {
        arena_free(arena);
        return rc;
    }
    *out = (struct rpc_reply){.msg = msg, .attach = attach, .memory = m};
    return 0;
}

void rpc_reply_free(struct rpc_reply *r) {
    struct reply_memory *m = r->memory;
    *r = (struct rpc_reply){0};
    if (m != NULL) reply_memory_free(m);
}

static int client_answer(struct rpc_client *c, const struct rpc_frame *f) {
    int index = (int)(f->id & (SLOTS - 1));
    struct slot *s = &c->slots[index];
    struct call *call = s->call;
    if (call == NULL || f->id >> SLOT_BITS != s->generation) return 0; /* the caller has given up */
    int code = 0;
    if (f->kind == RPC_ERROR) {
        struct str text;
        if (rpc_error_parse(f->attach, &code, &text) != 0) return ERR_CORRUPT;
        error_set(call->err, code, "%.*s", (int)(text.len < ERROR_TEXT_MAX ? text.len : ERROR_TEXT_MAX), text.ptr);
    } else if (call->reply != NULL) {
        code = reply_fill(c, f, call->method->reply, call->reply);
        if (code != 0) error_set(call->err, code, "%s: %s: malformed reply", c->service->name, call->method->name);
    }
    call_finish(c, index, code);
    return 0;
}

static int client_event(struct rpc_client *c, const struct rpc_frame *f) {
    const struct rpc_method *m = rpc_method_find(c->service, f->method);
    if (m == NULL || m->request != NULL || c->ops.event == NULL) return 0; /* a newer server may know more events */
    ARENA_AUTO arena = arena_new(RPC_UNPACK_MAX);
    if (arena == NULL) return ERR_NOMEM;
    ProtobufCMessage *msg;
    int rc = rpc_unpack(m->reply, f->body, arena, &msg);
    if (rc == 0) c->ops.event(c, f->method, msg, f->attach, c->arg);
    return rc;
}

static int client_frame(const struct rpc_frame *f, void *arg) {
    struct rpc_client *c = arg;
    switch (f->kind) {
    case RPC_EVENT: return client_event(c, f);
    case RPC_REPLY:
    case RPC_ERROR: return client_answer(c, f);
    default: return ERR_INVALID;
    }
}

/* ---------------------------------------------------------------- connection */

static void client_broken(struct rpc_client *c, const char *why) {
    c->io = NULL;
    c->ready = false;
    fail_all(c, ERR_IO, why);
    if (c->ops.disconnected != NULL) c->ops.disconnected(c, c->arg);
    cond_broadcast(&c->changed);
    if (c->connector != NULL) fiber_wake(c->connector);
}

static void client_ended(int code, const char *why, void *arg) {
    (void)code;
    client_broken(arg, why);
}

static const struct rpc_io_ops client_io_ops = {.frame = client_frame, .ended = client_ended};

static int client_connect(struct rpc_client *c) {
    int fd = -1;
    struct error err = {0};
    int rc = c->ops.connect(c->arg, loop_now_ms() + CONNECT_TIMEOUT_MS, &fd, &err);
    if (rc != 0) return rc;
    if (c->dead) {
        rc = ERR_CANCELLED;
    } else {
        rc = rpc_io_open(fd, &client_io_ops, c, &c->io);
        if (rc == 0) return 0;
    }
    close(fd);
    return rc;
}

static void client_greet(struct rpc_client *c) {
    if (c->ops.connected != NULL) c->ops.connected(c, c->arg);
    if (c->io == NULL || c->dead) return; /* broke meanwhile */
    c->ready = true;
    cond_broadcast(&c->changed);
}

static void connector_main(void *arg) {
    struct rpc_client *c = arg;
    uint64_t wait = 0;
    while (!c->dead) {
        if (wait > 0 && fiber_sleep(wait) != 0) break;
        uint64_t began = loop_now_ms();
        int rc = c->dead ? ERR_CANCELLED : client_connect(c);
        if (rc == ERR_CANCELLED) break;
        if (rc == 0) client_greet(c);
        while (rc == 0 && c->io != NULL && !c->dead) {
            if (fiber_park(DEADLINE_NEVER) != 0) rc = ERR_CANCELLED;
        }
        if (rc == ERR_CANCELLED) break;
        bool steady = rc == 0 && loop_now_ms() - began >= STEADY_MS;
        wait = steady || wait == 0 ? BACKOFF_MIN_MS : wait * 2;
        if (wait > BACKOFF_MAX_MS) wait = BACKOFF_MAX_MS;
    }
    c->connector = NULL;
    client_unref(c);
}

int rpc_client_new(const struct rpc_service *service, const struct rpc_client_ops *ops, void *arg,
                   struct rpc_client **out) {
    struct rpc_client *c = calloc(1, sizeof *c);
    if (c == NULL) return ERR_NOMEM;
    c->service = service;
    c->ops = *ops;
    c->arg = arg;
    c->refs = 2;
    cond_init(&c->changed);
    c->free_slot = -1;
    int rc = fiber_spawn("rpc-connect", connector_main, c, &c->connector);
    if (rc != 0) {
        free(c);
        return rc;
    }
    *out = c;
    return 0;
}

void rpc_client_free(struct rpc_client *c) {
    if (c == NULL) return;
    c->dead = true;
    c->ready = false;
    rpc_io_close(c->io);
    c->io = NULL;
    fail_all(c, ERR_CANCELLED, "the client is gone");
    cond_broadcast(&c->changed);
    if (c->connector != NULL && c->connector != fiber_self()) fiber_cancel(c->connector);
    client_unref(c);
}

bool rpc_client_is_connected(const struct rpc_client *c) {
    return c->ready;
}

bool rpc_client_is_quiet(const struct rpc_client *c) {
    return c->ready && rpc_io_is_quiet(c->io);
}

void rpc_client_reset(struct rpc_client *c) {
    if (c->io == NULL) return;
    rpc_io_close(c->io);
    client_broken(c, "the connection was reset");
}

/* ---------------------------------------------------------------- calls */

static bool may_send(const struct rpc_client *c) {
    if (c->io == NULL || (c->free_slot < 0 && c->used == SLOTS) || rpc_io_unsent(c->io) > OUT_HIGH) return false;
    return c->ready || c->connector == fiber_self();
}

static void client_drained(void *arg) {
    struct rpc_client *c = arg;
    cond_broadcast(&c->changed);
}

/* Waits until the call may go out. */
static int await_turn(struct rpc_client *c, const char *method, uint64_t deadline_ms, struct error *err) {
    while (!may_send(c)) {
        if (c->dead) return error_set(err, ERR_CANCELLED, "%s: the client is gone", c->service->name);
        if (c->io == NULL && c->connector == fiber_self()) {
            return error_set(err, ERR_IO, "%s: the connection broke", c->service->name);
        }
        if (c->io != NULL && rpc_io_unsent(c->io) > OUT_HIGH) rpc_io_on_drain(c->io, OUT_HIGH / 2, client_drained);
        int rc = cond_wait(&c->changed, deadline_ms);
        if (rc == ERR_TIMEOUT) {
            return error_set(err, rc, "%s: %s: %s in the time allowed", c->service->name, method,
                             c->io == NULL ? "no connection" : "no free place for the request");
        }
        if (rc != 0) return error_set(err, rc, "%s: %s: cancelled", c->service->name, method);
    }
    return 0;
}

static int call_wait(struct rpc_client *c, int index, struct call *call, uint64_t deadline_ms) {
    while (!call->done) {
        int rc = fiber_park(deadline_ms);
        if (rc == 0 || call->done) continue;
        const char *what = rc == ERR_TIMEOUT ? "no answer in the time allowed" : "cancelled";
        error_set(call->err, rc, "%s: %s: %s", c->service->name, call->method->name, what);
        call_finish(c, index, rc);
    }
    return call->code;
}

static int call_send(struct rpc_client *c, const struct rpc_out *out, struct call *call, uint64_t deadline_ms) {
    if (c->free_slot < 0) {
        c->slots[c->used] = (struct slot){.generation = 1, .next_free = -1};
        c->free_slot = c->used++;
    }
    int index = c->free_slot;
    struct slot *s = &c->slots[index];
    struct rpc_out frame = *out;
    frame.id = s->generation << SLOT_BITS | (uint32_t)index;
    int rc = rpc_io_send(c->io, &frame);
    if (rc == ERR_LIMIT) return error_set(call->err, rc, "%s: %s: too large", c->service->name, call->method->name);
    if (rc != 0) return error_set(call->err, ERR_IO, "%s: %s: cannot send", c->service->name, call->method->name);
    c->free_slot = s->next_free;
    s->call = call;
    return call_wait(c, index, call, deadline_ms);
}

int rpc_call(struct rpc_client *c, uint16_t method, const ProtobufCMessage *request, struct str attach,
             uint64_t deadline_ms, struct rpc_reply *reply, struct error *err) {
    const struct rpc_method *m = rpc_method_find(c->service, method);
    IEMS_ASSERT(m != NULL && m->request != NULL && fiber_self() != NULL);
    struct call call = {.fiber = fiber_self(), .method = m, .reply = reply, .err = err};
    struct rpc_out out = {.method = method, .kind = RPC_REQUEST, .msg = request, .attach = attach};
    c->refs++;
    int rc = await_turn(c, m->name, deadline_ms, err);
    if (rc == 0) rc = call_send(c, &out, &call, deadline_ms);
    client_unref(c);
    return rc;
}

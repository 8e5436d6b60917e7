#include "imapd/long_call.h"

#include "imapd/progress.h"
#include "net/loop.h"

struct ticker {
    struct session *s;
    struct fiber *fiber;
    struct cond stop, stopped;
    bool stopping, running;
};

static void tick(void *arg) {
    struct ticker *t = arg;
    struct progress progress = {0};
    progress_tell_unknown(&progress, t->s); /* begins */
    while (!t->stopping) {
        int err = cond_wait(&t->stop, loop_now_ms() + t->s->imapd->config.progress_ms);
        if (err == ERR_CANCELLED) break;
        if (!t->stopping) progress_tell_unknown(&progress, t->s);
    }
    t->running = false;
    cond_broadcast(&t->stopped);
}

static void start(struct ticker *t) {
    cond_init(&t->stop);
    cond_init(&t->stopped);
    t->running = t->s->imapd->config.progress_ms != 0 && fiber_spawn("imap-progress", tick, t, &t->fiber) == 0;
}

/* Only behind it the session may write again, or end: a notice may still be on its way. */
static void stop(struct ticker *t) {
    t->stopping = true;
    cond_broadcast(&t->stop);
    while (t->running) {
        if (cond_wait(&t->stopped, DEADLINE_NEVER) == 0) continue;
        fiber_cancel(t->fiber);
        fiber_yield();
    }
}

int session_call_long(struct session *s, uint16_t method, void *req, uint64_t messages, struct rpc_reply *reply,
                      struct error *err) {
    if (messages < s->imapd->config.many) return session_call(s, method, req, STR_EMPTY, reply, err);
    struct ticker t = {.s = s};
    start(&t);
    int rc =
        session_call_within(s, method, req, STR_EMPTY, SESSION_RPC_MS + messages * LONG_CALL_MESSAGE_MS, reply, err);
    stop(&t);
    return rc;
}

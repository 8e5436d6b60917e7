/* See turn.h. One fiber waits for smtpc, the session's own for the client; the latter moves all bytes, so that no
 * stream is used by two at a time. */
#include "smtpd/turn.h"

#include "net/loop.h"

enum { ASK_MS = 30 * 1000 };

struct carrier {
    struct stream *smtpc;
    struct cond *wake; /* of the session's fiber: smtpc has sent something, or ended */
    struct cond taken; /* of the other one */
    bool ready, over, ended;
};

static int line_read(struct stream *s, struct str *line, uint64_t deadline_ms) {
    for (;;) {
        struct str in = stream_peek(s);
        ptrdiff_t eol = str_find(in, '\n');
        if (eol >= 0) {
            *line = str_sub(in, 0, (size_t)eol);
            stream_consume(s, (size_t)eol + 1);
            return 0;
        }
        if (in.len > TURN_LINE_MAX) return ERR_LIMIT;
        int rc = stream_fill(s, deadline_ms);
        if (rc < 0) return rc;
    }
}

int turn_ask(struct session *s, const char *domains, struct stream **smtpc, struct error *err) {
    uint64_t deadline = loop_now_ms() + ASK_MS;
    struct stream *t = NULL;
    struct str line = STR_EMPTY;
    int fd = -1;
    int rc = s->d->turn(s->d->turn_arg, deadline, &fd, err);
    if (rc < 0) return rc;
    rc = stream_open_fd(fd, &t);
    if (rc < 0) return error_set(err, rc, "no connection to smtpc");
    rc = stream_printf(t, "TURN %s %s %s\n", s->id, s->peer, domains);
    if (rc == 0) rc = stream_flush(t);
    if (rc == 0) rc = line_read(t, &line, deadline);
    if (rc < 0)
        (void)error_set(err, rc, "smtpc does not answer: %s", err_name(rc));
    else if (str_eq(line, STR("NONE")))
        rc = error_set(err, ERR_NOTFOUND, "nothing waits");
    else if (!str_eq(line, STR("OK")))
        rc = error_set(err, ERR_AGAIN, "smtpc cannot: %.*s", STR_ARG(line));
    if (rc < 0)
        stream_free(t);
    else
        *smtpc = t;
    return rc;
}

static void watch_smtpc(void *arg) {
    struct carrier *c = arg;
    while (!c->over) {
        int rc = stream_wait_input(c->smtpc, &c->taken, DEADLINE_NEVER);
        if (rc == ERR_AGAIN) continue;
        c->ready = true;
        cond_signal(c->wake);
        while (c->ready && !c->over)
            if (cond_wait(&c->taken, DEADLINE_NEVER) != 0) c->over = true;
    }
    c->ended = true;
    cond_signal(c->wake);
}

static int move(struct stream *from, struct stream *to, uint64_t deadline_ms) {
    int rc = stream_fill(from, deadline_ms);
    if (rc < 0) return rc;
    struct str bytes = stream_peek(from);
    rc = stream_put(to, bytes);
    stream_consume(from, bytes.len);
    return rc < 0 ? rc : stream_flush(to);
}

void turn_carry(struct session *s, struct stream *smtpc) {
    struct cond wake;
    struct carrier c = {.smtpc = smtpc, .wake = &wake};
    cond_init(&wake);
    cond_init(&c.taken);
    int rc = fiber_spawn("turned", watch_smtpc, &c, NULL);
    if (rc < 0) c.ended = true;
    while (rc == 0 && !s->d->stopping) {
        uint64_t deadline = session_deadline(s);
        if (c.ready) {
            rc = move(smtpc, s->stream, deadline);
            c.ready = false;
            cond_signal(&c.taken);
            continue;
        }
        rc = stream_wait_input(s->stream, &wake, deadline);
        if (rc == 0)
            rc = move(s->stream, smtpc, deadline);
        else if (rc == ERR_AGAIN)
            rc = 0;
    }
    c.over = true;
    cond_broadcast(&c.taken);
    while (!c.ended)
        if (cond_wait(&wake, DEADLINE_NEVER) != 0) continue; /* it ends at once, and uses what is ours until then */
    stream_free(smtpc);
}

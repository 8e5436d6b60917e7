#include "pop3d/session.h"

#include "base/log.h"
#include "rpc/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_MAX = 512 };

/* ---------------------------------------------------------------- replies */

__attribute__((format(printf, 4, 0))) static int put_reply(struct session *s, const char *start, const char *code,
                                                           const char *fmt, va_list ap) {
    char text[REPLY_MAX];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    if (code != NULL) return stream_printf(s->stream, "%s [%s] %s\r\n", start, code, text);
    return stream_printf(s->stream, "%s %s\r\n", start, text);
}

int session_ok(struct session *s, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int rc = put_reply(s, "+OK", NULL, fmt, ap);
    va_end(ap);
    return rc;
}

int session_err(struct session *s, const char *code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int rc = put_reply(s, "-ERR", code, fmt, ap);
    va_end(ap);
    return rc;
}

int session_fail(struct session *s, int err, const struct error *detail) {
    if (err == ERR_NOTFOUND) return session_err(s, NULL, "The message is gone: another session removed it");
    log_event(LOG_WARNING, s->id, "store-failed", "reason=%s text=%s", err_name(err), detail->text);
    return session_err(s, "SYS/TEMP", "The mailbox cannot be reached at the moment");
}

/* ---------------------------------------------------------------- input */

static uint64_t deadline(const struct session *s) {
    return s->state == STATE_AUTHORIZATION ? s->login_deadline : loop_now_ms() + s->pop3d->config.idle_timeout_ms;
}

/* Waits for more input. Flushes what was gathered; lets go of fetched messages when the client takes its time. */
static int wait_input(struct session *s, uint64_t until) {
    int rc = stream_flush(s->stream);
    if (rc != 0) return rc;
    if (s->pop3d->stopping) return ERR_CANCELLED;
    bool page = maildrop_has_pages(&s->drop);
    uint64_t kept = loop_now_ms() + SESSION_PAGE_KEPT_MS;
    rc = stream_wait_input(s->stream, &s->pop3d->wake, page && kept < until ? kept : until);
    if (rc == ERR_TIMEOUT && page && kept < until) {
        maildrop_forget_pages(&s->drop);
        rc = stream_wait_input(s->stream, &s->pop3d->wake, until);
    }
    if (rc == ERR_AGAIN) return s->pop3d->stopping ? ERR_CANCELLED : 0;
    return rc != 0 ? rc : stream_fill(s->stream, until);
}

int session_read_line(struct session *s, bool auth_response, enum pop3_line_event *event) {
    uint64_t until = deadline(s);
    buf_clear(&s->line);
    for (;;) {
        size_t used;
        struct str line = STR_EMPTY;
        enum parse p = pop3_line_next(&s->lines, stream_peek(s->stream), auth_response, &used, event, &line);
        if (p == PARSE_EVENT && *event == POP3_LINE) buf_add(&s->line, line);
        stream_consume(s->stream, used);
        if (p == PARSE_EVENT) return s->line.error;
        int rc = wait_input(s, until);
        if (rc != 0) return rc;
    }
}

/* ---------------------------------------------------------------- life */

static int run_line(struct session *s) {
    enum pop3_line_event event;
    int rc = session_read_line(s, false, &event);
    if (rc != 0) return rc;
    switch (event) {
    case POP3_LINE: return session_command(s, buf_str(&s->line));
    case POP3_LINE_TOO_LONG: return session_err(s, NULL, "Line too long");
    case POP3_LINE_BARE_LF: break;
    }
    rc = session_err(s, NULL, "Lines end with CRLF, closing the connection");
    return rc == 0 ? SESSION_END : rc;
}

static const char *end_reason(int rc) {
    switch (rc) {
    case SESSION_END: return "quit";
    case ERR_CLOSED:
    case ERR_IO: return "connection lost";
    case ERR_TIMEOUT: return "timeout";
    case ERR_CANCELLED: return "server stops";
    default: return err_name(rc);
    }
}

static void say_why(struct session *s, int rc) {
    const char *text = rc == ERR_TIMEOUT     ? "Autologout: no command for too long"
                       : s->roster.ended     ? "Disconnected by the administrator"
                       : rc == ERR_CANCELLED ? "The server goes down, come again later"
                                             : NULL;
    if (text != NULL && session_err(s, "SYS/TEMP", "%s", text) == 0) (void)!stream_flush(s->stream);
}

static void end_session(struct session *s, int rc) {
    roster_leave(&s->pop3d->roster, &s->roster);
    if (s->state == STATE_TRANSACTION) {
        pop3d_user_leave(s->pop3d, str_from(s->address));
        if (rc != SESSION_END) s->pop3d->count.lost++;
        log_event(LOG_INFO, s->id, "logout", "user=%s peer=%s retrieved=%llu bytes=%llu deleted=%llu reason=\"%s\"",
                  s->address, s->peer, (unsigned long long)s->retrieved, (unsigned long long)s->retrieved_bytes,
                  (unsigned long long)s->deleted, end_reason(rc));
    }
    maildrop_close(&s->drop);
    free(s->user);
    buf_wipe(&s->line);
    free(s);
}

static void serve(struct stream *stream, struct pop3d *p, bool tls) {
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL) return;
    s->pop3d = p;
    s->drop.pop3d = p;
    s->stream = stream;
    s->state = STATE_AUTHORIZATION;
    s->login_deadline = loop_now_ms() + p->config.login_timeout_ms;
    buf_init(&s->line, POP3_AUTH_LINE_MAX);
    ident_new(s->id);
    net_addr_ip_text(stream_peer(stream), s->peer);
    p->sessions++;
    struct error err = {0};
    int rc = tls ? tls_accept(stream, p->config.tls, s->login_deadline, &err) : 0;
    if (rc != 0) log_event(LOG_INFO, s->id, "tls-failed", "peer=%s text=\"%s\"", s->peer, err.text);
    if (rc == 0) rc = session_ok(s, "%s POP3 server ready", p->config.hostname);
    while (rc == 0) rc = run_line(s);
    say_why(s, rc);
    if (rc == SESSION_END) (void)!stream_flush(stream);
    p->sessions--;
    end_session(s, rc);
}

/* A client with implicit TLS that may not come is told nothing: that is not worth a handshake. */
static void admit_and_serve(struct stream *stream, struct pop3d *p, bool tls) {
    struct error err = {0};
    struct gate_pass pass;
    char peer[NET_ADDR_TEXT_MAX];
    int rc = gate_enter(&p->gate, stream, &pass, &err);
    if (rc == 0) {
        serve(stream, p, tls);
        gate_leave(&p->gate, &pass);
        return;
    }
    net_addr_ip_text(stream_peer(stream), peer);
    log_event(LOG_WARNING, "-", "session_refused", "peer=%s reason=\"%s\"", peer, err.text);
    if (!tls && (rc == ERR_DENIED || rc == ERR_LIMIT) &&
        stream_printf(stream, "-ERR [%s] %s\r\n", rc == ERR_LIMIT ? "SYS/TEMP" : "SYS/PERM", err.text) == 0)
        (void)!stream_flush(stream);
}

void pop3d_serve(struct stream *s, void *arg) {
    admit_and_serve(s, arg, false);
}

void pop3d_serve_tls(struct stream *s, void *arg) {
    admit_and_serve(s, arg, true);
}

void pop3d_refuse(struct stream *s, const char *reason, void *arg) {
    (void)arg;
    if (stream_printf(s, "-ERR [SYS/TEMP] %s\r\n", reason) == 0) (void)!stream_flush(s);
}

/* Commands out, replies in: the lowest part of the client. */
#include "base/log.h"
#include "net/loop.h"
#include "smtpc/client.h"

static void log_line(struct client *c, const char *direction, struct str text) {
    for (struct str rest = str_trim(text); rest.len > 0;) {
        struct str line = str_trim(str_cut(&rest, '\n'));
        log_event(LOG_SMTP, c->trace, direction, "host=%s line=\"%.*s\"", c->host, STR_ARG(line));
    }
}

int client_put(struct client *c, struct str line, bool secret) {
    if (c->dead) return ERR_IO;
    if (log_enabled(LOG_SMTP)) log_line(c, ">", secret ? STR("(secret)") : line);
    int rc = stream_put(c->stream, line);
    c->dead |= rc != 0;
    return rc;
}

static int failed(struct client *c, int rc, struct error *err) {
    c->dead = true;
    switch (rc) {
    case ERR_TIMEOUT: return error_set(err, rc, "timed out waiting for the server's answer");
    case ERR_CLOSED: return error_set(err, rc, "the server closed the connection");
    case ERR_CANCELLED: return error_set(err, rc, "this server is being stopped");
    default: return error_set(err, rc, "connection lost (%s)", err_name(rc));
    }
}

int client_reply(struct client *c, uint64_t timeout_ms, struct smtp_reply *r, struct error *err) {
    if (c->dead) return error_set(err, ERR_IO, "connection lost");
    uint64_t deadline = loop_now_ms() + timeout_ms;
    for (;;) {
        size_t used = 0;
        struct error why = {0};
        enum parse p = smtp_reply_next(&c->parser, stream_peek(c->stream), &used, r, &why);
        if (p == PARSE_EVENT) {
            if (log_enabled(LOG_SMTP)) {
                log_event(LOG_SMTP, c->trace, "<", "host=%s code=%u status=%s", c->host, r->code, r->enhanced);
                log_line(c, "<", r->text);
            }
            stream_consume(c->stream, used);
            c->sent_away |= r->code == 421;
            c->dead |= c->sent_away;
            return 0;
        }
        stream_consume(c->stream, used);
        if (p == PARSE_ERROR) {
            c->dead = true;
            return error_set(err, ERR_INVALID, "the server's answer is not SMTP: %s", why.text);
        }
        int rc = stream_fill(c->stream, deadline);
        if (rc != 0) return failed(c, rc, err);
    }
}

int client_command(struct client *c, struct str line, uint64_t timeout_ms, struct smtp_reply *r, struct error *err) {
    int rc = client_put(c, line, false);
    if (rc != 0) return failed(c, rc, err);
    return client_reply(c, timeout_ms, r, err);
}

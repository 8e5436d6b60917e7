#include "smtpd/session.h"

#include "base/log.h"
#include "net/loop.h"
#include "proto/smtp/reply.h"
#include "smtpd/commands.h"
#include "smtpd/extensions.h"
#include "smtpd/refusals.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REPLY_TEXT_MAX = 1500,
    REPLY_MAX = 8 * 1024,
    SESSION_TICKET_MAX = 2 * 1024,
    SWALLOW_MAX = 2 * 1024 * 1024, /* KiB of a line without end; then the peer is cut off */
    LINGER_MS = 100,
    LINGER_BYTES = 1024 * 1024,
};

uint64_t session_deadline(const struct session *s) {
    return loop_now_ms() + s->d->set.timeout_ms;
}

bool session_is_trusted(const struct session *s, const struct network_list *networks) {
    return network_list_has(networks, stream_peer(s->stream));
}

bool session_is_known(const struct session *s) {
    if (s->service->turned) return false;
    return (s->authenticated && s->may_send) || session_is_trusted(s, &s->d->set.relay) ||
           s->client.rule.relay == RULE_ALLOW;
}

bool session_is_submission(const struct session *s) {
    return s->service->submission || s->authenticated;
}

bool session_plaintext_ok(const struct session *s) {
    return stream_is_tls(s->stream) || session_is_trusted(s, &s->d->set.trusted);
}

bool session_auth_offered(const struct session *s) {
    return s->d->set.ext_auth && !s->service->lmtp && !s->service->turned &&
           (s->service->submission || s->service->odmr || s->d->set.auth_on_smtp);
}

void session_reset(struct session *s) {
    refusals_tell(s);
    roster_leave(&s->d->roster, &s->roster);
    s->helo[0] = '\0';
    s->extended = s->authenticated = s->may_send = false;
    s->user[0] = '\0';
    s->account = 0;
    buf_wipe(&s->ticket);
}

/* ---------------------------------------------------------------- replies */

__attribute__((format(printf, 4, 0))) static int reply_put(struct session *s, unsigned code, const char *enhanced,
                                                           const char *fmt, va_list ap) {
    char text[REPLY_TEXT_MAX];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    /* RFC 2034 section 4: no enhanced code in replies to HELO and EHLO, and none in 3xx. */
    buf_clear(&s->out);
    smtp_reply_format(&s->out, code, enhanced, str_from(text));
    if (log_enabled(LOG_SMTP))
        log_event(LOG_SMTP, s->id, "session>", "%u %s %s", code, enhanced == NULL ? "-" : enhanced, text);
    if (s->out.error != 0) return s->out.error;
    return stream_put(s->stream, buf_str(&s->out));
}

int session_reply(struct session *s, unsigned code, const char *enhanced, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int rc = reply_put(s, code, enhanced, fmt, ap);
    va_end(ap);
    return rc;
}

int session_close(struct session *s, const char *enhanced, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int rc = reply_put(s, 421, enhanced, fmt, ap);
    va_end(ap);
    return rc < 0 ? rc : session_end(s);
}

int session_end(struct session *s) {
    s->linger = true;
    return ERR_CLOSED;
}

static int count_error(struct session *s) {
    const struct smtpd_settings *set = &s->d->set;
    s->d->count.errors++;
    if (++s->errors >= set->max_errors && set->max_errors != 0) {
        log_event(LOG_WARNING, s->id, "too_many_errors", "peer=%s errors=%u", s->peer, s->errors);
        return session_close(s, "4.7.0", "%s Too many errors", s->d->hostname);
    }
    if (s->errors * 2 > set->max_errors && set->error_delay_ms > 0) return fiber_sleep(set->error_delay_ms);
    return 0;
}

int session_error(struct session *s, unsigned code, const char *enhanced, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int rc = reply_put(s, code, enhanced, fmt, ap);
    va_end(ap);
    return rc < 0 ? rc : count_error(s);
}

int session_fault(struct session *s, const struct smtp_fault *fault) {
    return session_error(s, fault->code, fault->enhanced, "%s", fault->text);
}

/* ---------------------------------------------------------------- input */

/* Waits for bytes behind those that are there. What was gathered is sent first: the one flush of a pipelined batch. */
static int wait_more(struct session *s, uint64_t deadline) {
    int rc = stream_flush(s->stream);
    if (rc < 0) return rc;
    if (s->d->stopping) return ERR_AGAIN;
    rc = stream_wait_input(s->stream, &s->d->wake, deadline);
    if (rc < 0) return rc;
    return stream_fill(s->stream, deadline);
}

int session_read_line(struct session *s, bool auth_response) {
    uint64_t deadline = session_deadline(s);
    for (;;) {
        size_t used;
        enum smtp_line_event event;
        struct str line;
        enum parse rc = smtp_line_next(&s->lines, stream_peek(s->stream), auth_response, &used, &event, &line);
        if (rc == PARSE_EVENT) {
            buf_clear(&s->line);
            buf_add(&s->line, line);
        }
        stream_consume(s->stream, used);
        if (rc == PARSE_EVENT && s->line.error != 0) return s->line.error;
        if (rc == PARSE_EVENT) return event == SMTP_LINE ? 0 : event == SMTP_LINE_TOO_LONG ? ERR_LIMIT : ERR_INVALID;
        if (s->lines.swallowed / 1024 > SWALLOW_MAX) return ERR_CLOSED;
        int waited = wait_more(s, deadline);
        if (waited < 0) return waited;
    }
}

/* ---------------------------------------------------------------- commands */

static void log_command(const struct session *s, const struct smtp_command *c) {
    if (!log_enabled(LOG_SMTP)) return;
    struct str line = buf_str(&s->line);
    if (c->verb == SMTP_AUTH)
        log_event(LOG_SMTP, s->id, "session<", "AUTH %.*s ***", STR_ARG(c->argument));
    else
        log_event(LOG_SMTP, s->id, "session<", "%.*s", STR_ARG(line));
}

/* RFC 5321 section 7.8: a peer that keeps the connection busy without sending mail. */
static int count_idle(struct session *s, const struct command *cmd) {
    if (cmd->flags & MAKES_PROGRESS) return 0;
    unsigned max = s->d->set.max_idle_commands;
    if (max == 0 || ++s->idle_commands <= max) return 0;
    log_event(LOG_WARNING, s->id, "too_many_commands", "peer=%s commands=%u", s->peer, s->idle_commands);
    return session_close(s, "4.7.0", "%s Too many commands without mail", s->d->hostname);
}

/* `cmd` NULL: it was not recognized. */
static int answered(struct session *s, const struct command *cmd, int rc) {
    return rc == 0 && (cmd == NULL || (cmd->flags & ANSWERED_NOW)) ? stream_flush(s->stream) : rc;
}

/* For what ends the session: 521 is not for submission (RFC 6409 section 7). */
static unsigned away_code(const struct session *s) {
    return s->service->submission ? 554 : 521;
}

static int command_run(struct session *s) {
    struct smtp_command c;
    struct smtp_fault fault;
    struct smtp_command_rules rules = {
        .extensions = extensions_bits(s),
        .mail_address = ADDRESS_NULL | ADDRESS_UNQUALIFIED,
        .rcpt_address = ADDRESS_UNQUALIFIED | (s->tx.smtputf8 ? (unsigned)ADDRESS_UTF8 : 0u),
    };
    int bad = smtp_command_parse(buf_str(&s->line), &rules, &c, &fault);
    log_command(s, &c);
    if (c.verb == SMTP_FOREIGN) {
        log_event(LOG_WARNING, s->id, "not_smtp", "peer=%s", s->peer);
        int rc = session_reply(s, away_code(s), "5.5.1", "This is a mail server; good bye");
        return rc < 0 ? rc : session_end(s);
    }
    const struct command *cmd = command_find(c.verb, s->service);
    if (cmd == NULL) return answered(s, NULL, session_error(s, 500, "5.5.1", "Command not recognized"));
    if (!(cmd->flags & REFUSES_ITSELF) && !command_is_on(cmd, s))
        return session_error(s, 502, "5.5.1", "Command not implemented");
    if (bad < 0 && c.verb == SMTP_BDAT) { /* how much data follows is unknown: no way to find the next command */
        int rc = session_fault(s, &fault);
        return rc < 0 ? rc : session_end(s);
    }
    int rc = count_idle(s, cmd);
    if (rc < 0) return rc;
    if (bad < 0) {
        if (c.verb == SMTP_MAIL || c.verb == SMTP_RCPT)
            log_event(LOG_MESSAGE, s->id, "command_refused", "verb=%s peer=%s reply=%u reason=\"%s\"",
                      smtp_verb_name(c.verb), s->peer, fault.code, fault.text);
        return session_fault(s, &fault);
    }
    if ((cmd->flags & NEEDS_HELLO) && s->helo[0] == '\0')
        return session_error(s, 503, "5.5.1", "Say %s first", s->service->lmtp ? "LHLO" : "EHLO");
    return answered(s, cmd, cmd->run(s, &c));
}

/* A line that could not be read as one. */
int session_input_failed(struct session *s, int rc) {
    switch (rc) {
    case ERR_LIMIT: return session_error(s, 500, "5.5.2", "Line is too long");
    case ERR_INVALID: {
        log_event(LOG_WARNING, s->id, "bare_newline", "peer=%s where=command", s->peer);
        int put =
            session_reply(s, away_code(s), "5.5.2", "Line ends in LF without CR (RFC 5321 section 2.3.8); good bye");
        return put < 0 ? put : session_end(s);
    }
    case ERR_TIMEOUT: return session_close(s, "4.4.2", "%s Timeout, closing", s->d->hostname);
    case ERR_AGAIN: return session_close(s, "4.3.2", "%s Server is stopping, try again soon", s->d->hostname);
    default:
        if (rc == ERR_CANCELLED && s->roster.ended)
            return session_close(s, "4.3.2", "%s Disconnected by the administrator", s->d->hostname);
        return rc;
    }
}

int session_greet(struct session *s) {
    const struct smtpd *d = s->d;
    return session_reply(s, 220, NULL, "%s %s %s", d->hostname, s->service->lmtp ? "LMTP" : "ESMTP",
                         d->set.banner[0] != '\0' ? d->set.banner : "IEMS");
}

static int greet(struct session *s) {
    struct smtpd *d = s->d;
    if (d->set.greet_pause_ms > 0) {
        int rc = stream_wait_input(s->stream, &d->wake, loop_now_ms() + d->set.greet_pause_ms);
        if (rc == 0) {
            log_event(LOG_WARNING, s->id, "early_talker", "peer=%s", s->peer);
            rc = session_reply(s, 554, "5.5.1", "You spoke before the greeting; good bye");
            return rc < 0 ? rc : session_end(s);
        }
        if (rc != ERR_TIMEOUT && rc != ERR_AGAIN) return rc;
    }
    return session_greet(s);
}

static int start_tls(struct session *s) {
    struct error err = {0};
    if (!s->service->implicit_tls) return 0;
    if (s->d->tls == NULL) return ERR_UNSUPPORTED;
    int rc = tls_accept(s->stream, s->d->tls, session_deadline(s), &err);
    if (rc < 0)
        log_event(LOG_INFO, s->id, "tls_failed", "peer=%s reason=\"%s\"", s->peer, err.text);
    else
        s->d->count.tls++;
    return rc;
}

static int converse(struct session *s) {
    int rc = start_tls(s);
    if (rc == 0) rc = greet(s);
    while (rc == 0) {
        rc = session_read_line(s, false);
        rc = rc == 0 ? command_run(s) : session_input_failed(s, rc);
    }
    return rc;
}

/* Closing while the peer is still sending would make its system throw our last reply away. */
static void linger(struct session *s) {
    uint64_t end = loop_now_ms() + LINGER_MS;
    for (size_t dropped = 0; dropped < LINGER_BYTES && !s->d->stopping;) {
        dropped += stream_discard_input(s->stream);
        if (stream_fill(s->stream, end) < 0) return;
    }
}

static void session_done(struct session *s) {
    roster_leave(&s->d->roster, &s->roster);
    refusals_tell(s);
    access_done(s);
    transaction_done(&s->tx);
    buf_wipe(&s->line);
    buf_wipe(&s->ticket);
    buf_done(&s->out);
    free(s);
}

unsigned session_run(struct smtpd *d, const struct service *service, struct stream *stream) {
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL) return 0;
    s->d = d;
    s->service = service;
    s->stream = stream;
    ident_new(s->id);
    net_addr_ip_text(stream_peer(stream), s->peer);
    buf_init(&s->line, SMTP_AUTH_LINE_MAX);
    buf_init(&s->out, REPLY_MAX);
    buf_init(&s->ticket, SESSION_TICKET_MAX);
    stream_set_write_timeout(stream, d->set.timeout_ms);
    d->count.sessions++;
    log_event(LOG_INFO, s->id, "connect", "service=%s peer=%s", service->name, s->peer);
    access_begin(s);
    s->client.may_xclient = s->client.rule.xclient && !service->turned;
    int rc = converse(s);
    int sent = s->linger ? stream_flush(stream) : stream_end(stream);
    if (sent == 0 && s->linger) linger(s);
    log_event(LOG_INFO, s->id, "disconnect", "peer=%s messages=%u errors=%u reason=%s", s->peer, s->accepted, s->errors,
              rc == ERR_CLOSED ? "quit" : err_name(rc));
    unsigned accepted = s->accepted;
    session_done(s);
    return accepted;
}

void session_refuse(struct smtpd *d, struct stream *stream, unsigned code, const char *reason) {
    d->count.refused_sessions++;
    bool temporary = code < 500;
    if (stream_printf(stream, "%u %s %s Error: %s%s\r\n", code, temporary ? "4.7.0" : "5.7.1", d->hostname, reason,
                      temporary ? ", try again later" : "") == 0)
        (void)!stream_flush(stream);
}

/* USER and PASS (RFC 1939 section 7), AUTH (RFC 5034), APOP (not offered), STLS (RFC 2595 section 4). */
#include "base/log.h"
#include "daemon/auth.h"
#include "pop3d/session.h"

#include <stdlib.h>
#include <string.h>

bool session_plaintext_ok(const struct session *s) {
    return stream_is_tls(s->stream) || pop3d_plaintext_allowed(s->pop3d, s->stream);
}

/* RFC 3206: [AUTH] is about the credentials, [SYS/...] is not. */
static int login_failed(struct session *s, const struct auth_result *r) {
    static const struct {
        Dir__AuthState state;
        const char *code, *text;
    } answers[] = {
        {DIR__AUTH_STATE__FAILED, "AUTH", "Name or password is wrong"},
        {DIR__AUTH_STATE__DISABLED, "SYS/PERM", "The account is disabled"},
        {DIR__AUTH_STATE__TOO_SOON, "LOGIN-DELAY", "Logged in too short a time ago, come again later"},
        {DIR__AUTH_STATE__THROTTLED, "SYS/TEMP", "Too many failed logins, come again later"},
        {DIR__AUTH_STATE__TEMPORARY, "SYS/TEMP", "Login is not possible at the moment"},
    };
    size_t i = 0, last = sizeof answers / sizeof answers[0] - 1;
    while (i < last && answers[i].state != r->state) i++;
    s->pop3d->count.login_failures++;
    log_event(LOG_INFO, s->id, "login-failed", "peer=%s code=%s", s->peer, answers[i].code);
    int rc = session_err(s, answers[i].code, "%s", r->text[0] != '\0' ? r->text : answers[i].text);
    return rc == 0 && ++s->login_failures >= SESSION_LOGIN_FAILURES ? SESSION_END : rc;
}

int session_login(struct session *s, const char *address, struct str ticket) {
    struct error err = {0};
    if (pop3d_user_enter(s->pop3d, str_from(address)) != 0) /* RFC 2449 section 8.1.2 */
        return session_err(s, "IN-USE", "Too many sessions of this user");
    int rc = maildrop_open(&s->drop, s->pop3d, ticket, &err);
    if (rc != 0) pop3d_user_leave(s->pop3d, str_from(address));
    if (rc != 0) return session_fail(s, rc == ERR_NOTFOUND ? ERR_AGAIN : rc, &err);
    if (str_to_cstr(str_from(address), s->address, sizeof s->address) != 0) s->address[0] = '\0';
    s->state = STATE_TRANSACTION;
    s->roster.id = s->id;
    s->roster.user = s->address;
    s->roster.peer = s->peer;
    roster_enter(&s->pop3d->roster, &s->roster, s->stream);
    s->pop3d->count.logins++;
    log_event(LOG_INFO, s->id, "login", "user=%s peer=%s tls=%s messages=%zu", s->address, s->peer,
              stream_is_tls(s->stream) ? "yes" : "no", s->drop.count);
    return session_ok(s, "%zu messages", s->drop.live);
}

/* After an exchange with iems-dir that ended with `rc`. */
static int conclude(struct session *s, int rc, struct auth_result *r, const struct error *err) {
    if (rc == 0 && r->state == DIR__AUTH_STATE__OK) {
        rc = session_login(s, r->address, buf_str(&r->ticket));
    } else if (rc == 0) {
        rc = login_failed(s, r);
    } else if (rc == ERR_UNSUPPORTED) {
        rc = session_err(s, NULL, "No such mechanism");
    } else if (rc == ERR_INVALID) {
        rc = session_err(s, NULL, "The response is not base64");
    } else if (rc == ERR_CANCELLED && !fiber_cancelled() && !s->pop3d->stopping) {
        rc = session_err(s, NULL, "Authentication cancelled");
    } else if (stream_error(s->stream) == 0 && rc != ERR_CLOSED && rc != ERR_CANCELLED) {
        log_event(LOG_WARNING, s->id, "login-unavailable", "peer=%s reason=\"%s\"", s->peer, err->text);
        rc = session_err(s, "SYS/TEMP", "Login is not possible at the moment");
    }
    auth_result_done(r);
    return rc;
}

int cmd_user(struct session *s, const struct pop3_command *c) {
    if (!session_plaintext_ok(s)) return session_err(s, NULL, "Start TLS first (STLS)");
    if (!str_is_utf8(c->text)) return session_err(s, "AUTH", "The name is not UTF-8"); /* RFC 6856 section 2.2 */
    free(s->user);
    s->user = str_dup(c->text);
    if (s->user == NULL) return session_err(s, "SYS/TEMP", "Out of memory");
    return session_ok(s, "Send the password");
}

int cmd_pass(struct session *s, const struct pop3_command *c) {
    if (!session_plaintext_ok(s)) return session_err(s, NULL, "Start TLS first (STLS)");
    if (s->user == NULL) return session_err(s, NULL, "USER first");
    struct auth_result r = {.state = DIR__AUTH_STATE__FAILED};
    struct error err = {0};
    int rc = !str_is_utf8(c->text) ? 0 /* as for the name */
                                   : auth_login(s->pop3d->dir, "pop3", s->stream, str_from(s->user), c->text, &r, &err);
    free(s->user);
    s->user = NULL;
    return conclude(s, rc, &r, &err);
}

int cmd_apop(struct session *s, const struct pop3_command *c) {
    (void)c;
    return session_err(s, NULL, "APOP is not offered: use AUTH or USER");
}

/* struct auth_io: "+ " and the challenge; the client's line, "*" to give up. */
static int challenge(void *arg, struct str data, struct buf *response) {
    struct session *s = arg;
    BUF_AUTO text = BUF_INIT(POP3_AUTH_LINE_MAX * 2);
    buf_adds(&text, "+ ");
    base64_encode(&text, data);
    buf_adds(&text, "\r\n");
    if (text.error != 0) return text.error;
    int rc = stream_put(s->stream, buf_str(&text));
    if (rc != 0) return rc;
    enum pop3_line_event event;
    rc = session_read_line(s, true, &event);
    if (rc != 0) return rc;
    if (event != POP3_LINE) return ERR_INVALID;
    if (str_eq(buf_str(&s->line), STR("*"))) return ERR_CANCELLED;
    return base64_decode(response, buf_str(&s->line));
}

/* AUTH alone lists the mechanisms, as clients from before CAPA expect. */
static int list_mechanisms(struct session *s) {
    struct str rest = str_from(auth_mechanisms(s->stream, session_plaintext_ok(s)));
    int rc = session_ok(s, "Mechanisms follow");
    for (struct str m = str_word(&rest); m.len > 0 && rc == 0; m = str_word(&rest)) {
        rc = stream_printf(s->stream, "%.*s\r\n", STR_ARG(m));
    }
    return rc == 0 ? stream_put(s->stream, STR(".\r\n")) : rc;
}

int cmd_auth(struct session *s, const struct pop3_command *c) {
    if (!c->has_text) return list_mechanisms(s);
    if (!auth_is_offered(s->stream, session_plaintext_ok(s), c->text))
        return session_err(s, NULL, "Mechanism is not offered here");
    BUF_AUTO mechanism = BUF_INIT(POP3_LINE_MAX);
    struct buf initial = BUF_INIT(POP3_AUTH_LINE_MAX);
    buf_add(&mechanism, c->text); /* the line is overwritten by the responses */
    if (!str_eq(c->initial, STR("=")) && base64_decode(&initial, c->initial) != 0)
        return session_err(s, NULL, "The response is not base64");
    const struct auth_io io = {.challenge = challenge, .arg = s};
    struct auth_result r = {0};
    struct error err = {0};
    int rc = auth_sasl(s->pop3d->dir, "pop3", s->stream, buf_str(&mechanism), c->has_initial, buf_str(&initial), &io,
                       &r, &err);
    buf_wipe(&initial);
    return conclude(s, rc, &r, &err);
}

/* Whatever the client sent behind STLS in plain text is thrown away: nobody can have put it there unnoticed. */
int cmd_stls(struct session *s, const struct pop3_command *c) {
    (void)c;
    if (s->pop3d->config.tls == NULL) return session_err(s, NULL, "TLS is not available");
    if (stream_is_tls(s->stream)) return session_err(s, NULL, "TLS is on already");
    int rc = session_ok(s, "Begin TLS");
    if (rc == 0) rc = stream_flush(s->stream);
    if (rc != 0) return rc;
    size_t dropped = stream_discard_input(s->stream);
    if (dropped > 0) log_event(LOG_WARNING, s->id, "stls-input-dropped", "peer=%s bytes=%zu", s->peer, dropped);
    s->lines = (struct pop3_lines){0};
    free(s->user);
    s->user = NULL;
    struct error err = {0};
    rc = tls_accept(s->stream, s->pop3d->config.tls, s->login_deadline, &err);
    if (rc != 0) log_event(LOG_INFO, s->id, "tls-failed", "peer=%s text=\"%s\"", s->peer, err.text);
    return rc;
}

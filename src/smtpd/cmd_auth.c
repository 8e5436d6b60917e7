/* AUTH: RFC 4954. The exchange itself is between the client and iems-dir; here it only gets its lines. */
#include "base/log.h"
#include "daemon/auth.h"
#include "smtpd/commands.h"

#include <string.h>

enum { RESPONSE_MAX = SMTP_AUTH_LINE_MAX };

static int response_decode(struct str line, struct buf *response) {
    if (str_eq(line, STR("="))) return 0; /* an empty response, as initial response only: harmless elsewhere */
    return base64_decode(response, line);
}

/* auth_io: 334 and the challenge; then the client's line. */
static int challenge(void *arg, struct str text, struct buf *response) {
    struct session *s = arg;
    BUF_AUTO coded = BUF_INIT(RESPONSE_MAX);
    base64_encode(&coded, text);
    int rc = session_reply(s, 334, NULL, "%s", buf_cstr(&coded));
    if (rc < 0) return rc;
    rc = s->read_error = session_read_line(s, true);
    if (rc < 0) return rc;
    if (str_eq(buf_str(&s->line), STR("*"))) return ERR_CANCELLED;
    rc = response_decode(buf_str(&s->line), response);
    explicit_bzero(s->line.ptr, s->line.len);
    return rc;
}

static bool mechanism_is_offered(const struct session *s, struct str mechanism) {
    if (str_eq_nocase(mechanism, STR("PLAIN")) && !s->d->set.auth_plain) return false;
    if (str_eq_nocase(mechanism, STR("LOGIN")) && !s->d->set.auth_login) return false;
    return auth_is_offered(s->stream, session_plaintext_ok(s), mechanism);
}

static int refuse_mechanism(struct session *s, struct str mechanism) {
    bool plain = str_eq_nocase(mechanism, STR("PLAIN")) || str_eq_nocase(mechanism, STR("LOGIN"));
    if (plain && !session_plaintext_ok(s))
        return session_error(s, 538, "5.7.11", "Encryption required for this mechanism; use STARTTLS first");
    return session_error(s, 504, "5.5.4", "Mechanism not supported");
}

static int logged_in(struct session *s, const struct auth_result *r) {
    if (str_to_cstr(str_from(r->address), s->user, sizeof s->user) < 0) return ERR_LIMIT;
    s->authenticated = true;
    s->account = r->account;
    s->may_send = r->may_send;
    if (s->d->set.ext.burl) buf_add(&s->ticket, buf_str(&r->ticket));
    s->d->count.auth_ok++;
    s->roster.id = s->id;
    s->roster.user = s->user;
    s->roster.peer = s->peer;
    roster_enter(&s->d->roster, &s->roster, s->stream);
    log_event(LOG_INFO, s->id, "login", "user=%s peer=%s service=%s tls=%s", s->user, s->peer, s->service->name,
              stream_is_tls(s->stream) ? "yes" : "no");
    return session_reply(s, 235, "2.7.0", "Authentication successful");
}

static int not_logged_in(struct session *s, const struct auth_result *r) {
    const char *text = r->text[0] != '\0' ? r->text : "Authentication failed";
    s->d->count.auth_failed++;
    log_event(LOG_WARNING, s->id, "login_failed", "peer=%s service=%s state=%d reason=\"%s\"", s->peer,
              s->service->name, (int)r->state, text);
    if (r->state == DIR__AUTH_STATE__TEMPORARY || r->state == DIR__AUTH_STATE__THROTTLED)
        return session_reply(s, 454, "4.7.0", "%s", text);
    unsigned max = s->d->set.max_auth_failures;
    if (max != 0 && ++s->auth_failures >= max)
        return session_close(s, "4.7.0", "%s Too many failed logins", s->d->hostname);
    return session_error(s, 535, "5.7.8", "%s", text);
}

/* The exchange did not come to an end. */
static int exchange_failed(struct session *s, int rc, const struct error *err) {
    if (s->read_error == ERR_LIMIT) return session_error(s, 500, "5.5.6", "Line is too long"); /* section 4 */
    if (s->read_error < 0) return session_input_failed(s, s->read_error);
    switch (rc) {
    case ERR_CANCELLED: return fiber_cancelled() ? rc : session_error(s, 501, "5.7.0", "Authentication cancelled");
    case ERR_INVALID: return session_error(s, 501, "5.5.2", "Response is malformed, base64 is expected");
    case ERR_UNSUPPORTED: return session_error(s, 504, "5.5.4", "Mechanism not supported");
    default: break;
    }
    if (stream_error(s->stream) != 0) return stream_error(s->stream);
    log_event(LOG_WARNING, s->id, "directory_failed", "what=auth error=%s reason=\"%s\"", err_name(rc), err->text);
    return session_reply(s, 454, "4.7.0", "Temporary authentication failure");
}

int cmd_auth(struct session *s, struct smtp_command *c) {
    const struct auth_io io = {challenge, s};
    struct auth_result result = {0};
    struct error err = {0};
    if (s->authenticated) return session_error(s, 503, "5.5.1", "Logged in already");
    if (s->tx.open) return session_error(s, 503, "5.5.1", "Not within a transaction");
    if (!s->extended) return session_error(s, 503, "5.5.1", "Say EHLO first");
    if (!mechanism_is_offered(s, c->argument)) return refuse_mechanism(s, c->argument);
    s->read_error = 0;
    BUF_AUTO initial = BUF_INIT(RESPONSE_MAX);
    if (c->has_initial && response_decode(c->initial, &initial) < 0)
        return session_error(s, 501, "5.5.2", "Response is malformed, base64 is expected");
    char mechanism[64];
    if (str_to_cstr(c->argument, mechanism, sizeof mechanism) < 0) return refuse_mechanism(s, c->argument);
    int rc = auth_sasl(s->d->dir, "smtp", s->stream, str_from(mechanism), c->has_initial, buf_str(&initial), &io,
                       &result, &err);
    if (rc < 0)
        rc = exchange_failed(s, rc, &err);
    else
        rc = result.state == DIR__AUTH_STATE__OK ? logged_in(s, &result) : not_logged_in(s, &result);
    auth_result_done(&result);
    buf_wipe(&initial);
    buf_wipe(&s->line);
    return rc;
}

/* AUTH to a relay host: PLAIN or LOGIN (RFC 4954, RFC 4616), over TLS or on this machine only (SAUTH-04). */
#include "base/encode.h"
#include "smtpc/client.h"

enum { SECRET_MAX = 4096 };

static int send_secret(struct client *c, const char *before, struct str secret, struct smtp_reply *r,
                       struct error *err) {
    struct buf line = BUF_INIT(SECRET_MAX * 2);
    buf_adds(&line, before);
    base64_encode(&line, secret);
    buf_adds(&line, "\r\n");
    int rc = line.error != 0 ? line.error : client_put(c, buf_str(&line), true);
    buf_wipe(&line);
    return rc != 0 ? error_set(err, rc, "connection lost") : client_reply(c, c->config->helo_ms, r, err);
}

static int plain(struct client *c, struct smtp_reply *r, struct error *err) {
    struct buf secret = BUF_INIT(SECRET_MAX);
    buf_addc(&secret, '\0');
    buf_adds(&secret, c->config->user);
    buf_addc(&secret, '\0');
    buf_adds(&secret, c->config->password);
    int rc = send_secret(c, "AUTH PLAIN ", buf_str(&secret), r, err);
    buf_wipe(&secret);
    return rc;
}

static int login(struct client *c, struct smtp_reply *r, struct error *err) {
    int rc = client_command(c, STR("AUTH LOGIN\r\n"), c->config->helo_ms, r, err);
    if (rc == 0 && r->code == 334) rc = send_secret(c, "", str_from(c->config->user), r, err);
    if (rc == 0 && r->code == 334) rc = send_secret(c, "", str_from(c->config->password), r, err);
    return rc;
}

static int fault(struct client_failure *f, const char *reason) {
    f->fault = CLIENT_FAULT_AUTH;
    f->outcome = outcome_make(OUTCOME_TEMPORARY, "4.7.0", str_from(reason));
    return ERR_DENIED;
}

int client_auth(struct client *c, struct arena *arena, struct client_failure *failure) {
    struct smtp_reply r = {0};
    struct error err = {0};
    if (!stream_is_tls(c->stream) && !net_addr_is_loopback(stream_peer(c->stream)))
        return fault(failure, "The relay host offers no TLS, and the password is not sent in clear.");
    if (c->caps.auth == 0) return fault(failure, "The relay host offers neither AUTH PLAIN nor AUTH LOGIN.");
    int rc = c->caps.auth & AUTH_PLAIN ? plain(c, &r, &err) : login(c, &r, &err);
    if (rc == 0 && r.code == 235) return 0;
    failure->fault = rc == 0 ? CLIENT_FAULT_AUTH : CLIENT_FAULT_NETWORK;
    if (rc != 0) {
        char *why = arena_cstr(arena, str_from(err.text));
        failure->outcome = outcome_make(OUTCOME_TEMPORARY, "4.4.2", str_from(why));
        return rc;
    }
    if (outcome_of_reply(arena, STAGE_CONNECT, &r, false, &failure->outcome) != 0)
        return fault(failure, "The relay host does not accept user and password.");
    failure->outcome.class = OUTCOME_TEMPORARY; /* a wrong password is for the administrator, not for the senders */
    failure->outcome.reason = STR("The relay host does not accept user and password.");
    return ERR_DENIED;
}

#include "imapd/login.h"

#include "base/encode.h"
#include "base/log.h"
#include "imapd/capability.h"

enum { CODE_MAX = 2048 };

static void log_login(const struct session *s, const char *mechanism) {
    char peer[NET_ADDR_TEXT_MAX];
    struct tls_info tls;
    net_addr_text(stream_peer(s->stream), peer);
    bool has_tls = tls_get_info(s->stream, &tls) == 0;
    log_event(LOG_INFO, s->id, "login", "user=%s peer=%s mech=%s tls=%s", s->address, peer, mechanism,
              has_tls ? tls.version : "no");
}

/* RFC 2221 section 4, RFC 5092 section 11. */
static int refer(struct cmd *c, const struct auth_result *r) {
    BUF_AUTO code = BUF_INIT(CODE_MAX);
    buf_adds(&code, "REFERRAL imap://");
    percent_encode(&code, str_from(r->address));
    buf_printf(&code, ";AUTH=*@%s/", r->host);
    return cmd_no(c, buf_cstr(&code), r->text);
}

static int refuse(struct cmd *c, const struct auth_result *r) {
    char peer[NET_ADDR_TEXT_MAX];
    net_addr_text(stream_peer(c->s->stream), peer);
    c->s->imapd->count.login_failures++;
    log_event(LOG_INFO, c->s->id, "login_failed", "peer=%s state=%d", peer, (int)r->state);
    c->s->bad_commands++;
    const char *text = r->text[0] != '\0' ? r->text : "Wrong name or password";
    if (r->host[0] != '\0') return refer(c, r);
    switch (r->state) {
    case DIR__AUTH_STATE__TEMPORARY: return cmd_no(c, "UNAVAILABLE", "Log in is not possible now, try again");
    case DIR__AUTH_STATE__DISABLED: return cmd_no(c, "CONTACTADMIN", text);
    case DIR__AUTH_STATE__THROTTLED: return cmd_no(c, "UNAVAILABLE", text);
    default: return cmd_no(c, "AUTHENTICATIONFAILED", text);
    }
}

int login_finish(struct cmd *c, int rc, const struct auth_result *r, const char *mechanism) {
    struct session *s = c->s;
    if (rc == ERR_UNSUPPORTED) return cmd_no(c, "CANNOT", "This mechanism is not supported");
    if (rc != 0) return cmd_no(c, "UNAVAILABLE", "Log in is not possible now, try again");
    if (r->state != DIR__AUTH_STATE__OK) return refuse(c, r);
    rc = session_login(s, r->address, r->account, buf_str(&r->ticket));
    if (rc == ERR_LIMIT) return cmd_no(c, "LIMIT", "Too many sessions of this user");
    if (rc != 0) return cmd_no(c, "UNAVAILABLE", "Out of memory");
    log_login(s, mechanism);
    s->bad_commands = 0;
    BUF_AUTO code = BUF_INIT(CODE_MAX);
    buf_adds(&code, "CAPABILITY ");
    capability_write(s, &code);
    return cmd_ok(c, buf_cstr(&code), "Logged in");
}

/* Logins with a token of an issuer that is trusted (RFC 7628, RFC 8725): signature, issuer, audience and time must be
 * right, and the claim that is configured must be an address of the account. */
#include "base/clock.h"
#include "base/log.h"
#include "dir/login.h"
#include "dir/trust.h"

enum { LEEWAY_S = 60 }; /* clocks differ */

/* What is wrong, for the log: never the token itself. NULL = nothing. */
static const char *judge(const struct dir *d, const struct jwt *t, const struct jwks *keys) {
    int64_t now = clock_wall_s();
    if (jwks_verify(keys, t) != 0) return "signature";
    if (!str_eq(str_from(t->issuer), str_from(option_str(d->daemon, "dir.oauth_issuer")))) return "issuer";
    if (!t->audience) return "audience";
    if (t->expires_s + LEEWAY_S <= now) return "expired";
    if (t->not_before_s - LEEWAY_S > now) return "not-yet";
    return t->unverified ? "email-unverified" : NULL;
}

static int deny(struct login *l, const char *why) {
    log_event(LOG_WARNING, "-", "token-refused", "service=%s mechanism=%s user=\"%s\" peer=%s reason=%s", l->service,
              l->mechanism, l->name, l->peer, why);
    return ERR_DENIED;
}

int login_token(struct dir *d, struct rpc_request *r, struct login *l, struct str name, struct str token,
                struct error *err) {
    struct jwt t;
    struct login_user u;
    if (login_is_braked(d, l)) return login_throttle(d, r);
    if (name.len > 0 && login_set_name(l, name) != 0) return deny(l, "name");
    struct str claim = str_from(option_str(d->daemon, "dir.oauth_claim"));
    struct str audience = str_from(option_str(d->daemon, "dir.oauth_audience"));
    if (jwt_parse(token, claim, audience, &t) != 0) return deny(l, "malformed");
    const struct jwks *keys = trust_keys(d);
    if (keys == NULL) return login_fail_for_now(r);
    const char *wrong = judge(d, &t, keys);
    if (wrong != NULL) return deny(l, wrong);
    if (login_set_name(l, str_from(t.subject)) != 0) return deny(l, "name");
    login_find(d, l, r->arena, &u);
    if (u.entry == NULL) return deny(l, "no-account");
    if (!login_authzid_ok(d, name, &u, r->arena)) return deny(l, "other-account");
    return login_accept(d, r, l, &u, STR_EMPTY, err);
}

/* LOGIN (RFC 9051 section 6.2.3). */
#include "imapd/capability.h"
#include "imapd/command.h"
#include "imapd/login.h"

int cmd_login(struct cmd *c) {
    struct str user, password;
    struct imap_args *a = c->args;
    if (!imap_args_space(a) || !imap_args_astring(a, &user) || !imap_args_space(a) ||
        !imap_args_astring(a, &password) || !imap_args_end(a))
        return cmd_bad_args(c);
    if (!capability_plaintext(c->s)) return cmd_no(c, "PRIVACYREQUIRED", "Log in needs TLS here");
    struct auth_result r = {0};
    struct error err = {0};
    int rc = auth_login(c->s->imapd->dir, "imap", c->s->stream, user, password, &r, &err);
    rc = login_finish(c, rc, &r, "LOGIN");
    auth_result_done(&r);
    return rc;
}

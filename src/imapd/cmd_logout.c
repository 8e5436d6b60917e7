/* LOGOUT (RFC 9051 section 6.1.3). */
#include "imapd/command.h"

int cmd_logout(struct cmd *c) {
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    session_bye(c->s, "Logging out");
    c->s->closing = true;
    return cmd_done(c);
}

/* CANCELUPDATE (RFC 5267 section 4.3.5): searches that need not be kept up to date any more. */
#include "imapd/command.h"
#include "imapd/context.h"

int cmd_cancelupdate(struct cmd *c) {
    struct str tag;
    bool known = true;
    if (!imap_args_space(c->args)) return cmd_bad_args(c);
    do {
        if (!imap_args_string(c->args, &tag)) return cmd_bad_args(c);
        known = context_cancel(c->s, tag) && known;
    } while (imap_args_space(c->args));
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    return known ? cmd_done(c) : cmd_no(c, "CANNOT", "There is no such search");
}

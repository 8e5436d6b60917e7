/* NOOP and CHECK (RFC 9051 section 6.1.2, RFC 3501 section 6.4.1): the client asks for news. */
#include "imapd/command.h"
#include "imapd/sync.h"

int cmd_noop(struct cmd *c) {
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    if (c->s->view != NULL) (void)sync_view(c->s, SYNC_ASK | SYNC_EXPUNGE);
    return cmd_done(c);
}

int cmd_check(struct cmd *c) {
    return cmd_noop(c);
}

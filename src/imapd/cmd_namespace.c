/* NAMESPACE (RFC 2342): one personal namespace, "/" between levels. */
#include "imapd/command.h"

int cmd_namespace(struct cmd *c) {
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    session_puts(c->s, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    return cmd_done(c);
}

/* NAMESPACE (RFC 2342): one's own folders, those of other users, those of shared accounts; "/" between levels. */
#include "imapd/command.h"

int cmd_namespace(struct cmd *c) {
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    session_puts(c->s, "* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) ((\"Shared/\" \"/\"))\r\n");
    return cmd_done(c);
}

/* RENAME (RFC 9051 section 6.3.6, with the LIST response of section 6.3.9.7). */
#include "imapd/command.h"
#include "imapd/list.h"
#include "imapd/long_call.h"
#include "imapd/sync.h"

int cmd_rename(struct cmd *c) {
    struct str from, to;
    struct error err = {0};
    struct imap_args *a = c->args;
    if (!imap_args_space(a) || !imap_args_mailbox(a, &from) || !imap_args_space(a) || !imap_args_mailbox(a, &to) ||
        !imap_args_end(a))
        return cmd_bad_args(c);
    if (to.len > 1 && str_ends(to, STR("/"))) to.len--;
    Store__FolderRename req = STORE__FOLDER_RENAME__INIT;
    req.from = arena_cstr(a->arena, from);
    req.to = arena_cstr(a->arena, to);
    if (req.from == NULL || req.to == NULL) return cmd_fail(c, ERR_NOMEM, NULL);
    uint64_t messages = str_eq(from, STR("INBOX")) ? LONG_CALL_UNKNOWN : 0; /* of others only the names change */
    int rc = session_call_long(c->s, STORE_FOLDER_RENAME, &req, messages, NULL, &err);
    if (rc != 0) return cmd_fail(c, rc, &err);
    if (c->s->view != NULL)
        (void)sync_view(c->s, SYNC_ASK); /* it may have another name now, or have lost its messages */
    if (c->s->rev2 && !str_eq(from, STR("INBOX"))) list_tell_name(c->s, "", to, from);
    return cmd_done(c);
}

/* DELETE (RFC 9051 section 6.3.5). The session that deletes its selected mailbox has none afterwards; others that have
 * it selected end with BYE (RFC 2180 section 3.3). */
#include "imapd/command.h"
#include "imapd/store_call.h"
#include "imapd/sync.h"

int cmd_delete(struct cmd *c) {
    struct str name;
    struct error err = {0};
    if (!imap_args_space(c->args) || !imap_args_mailbox(c->args, &name) || !imap_args_end(c->args))
        return cmd_bad_args(c);
    if (str_eq(name, STR("INBOX"))) return cmd_no(c, "CANNOT", "INBOX cannot be deleted");
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    req.name = arena_cstr(c->args->arena, name);
    if (req.name == NULL) return cmd_fail(c, ERR_NOMEM, NULL);
    int rc = session_call(c->s, STORE_FOLDER_DELETE, &req, STR_EMPTY, NULL, &err);
    if (rc == ERR_CONFLICT) return cmd_no(c, "HASCHILDREN", "There are mailboxes below it");
    if (rc != 0) return cmd_fail(c, rc, &err);
    if (c->s->view != NULL && sync_learn_folder(c->s) == ERR_NOTFOUND) {
        session_deselect(c->s);
        session_puts(c->s, "* OK [CLOSED] The mailbox that was selected is deleted\r\n");
    }
    return cmd_done(c);
}

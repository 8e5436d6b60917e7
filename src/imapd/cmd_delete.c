/* DELETE (RFC 9051 section 6.3.5). */
#include "imapd/command.h"
#include "imapd/store_call.h"
#include "imapd/view.h"
#include "store/mailbox/rights.h"

int cmd_delete(struct cmd *c) {
    struct str name;
    struct error err = {0};
    if (!imap_args_space(c->args) || !imap_args_mailbox(c->args, &name) || !imap_args_end(c->args))
        return cmd_bad_args(c);
    if (str_eq(name, STR("INBOX"))) return cmd_no(c, "CANNOT", "INBOX cannot be deleted");
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    req.name = arena_cstr(c->args->arena, name);
    if (req.name == NULL) return cmd_fail(c, ERR_NOMEM, NULL);
    const struct view *v = c->s->view;
    if (v != NULL && str_eq(name, str_from(v->name)) && (v->rights & RIGHT_DELETE) != 0) {
        session_deselect(c->s);
        session_puts(c->s, "* OK [CLOSED] The mailbox that was selected is being deleted\r\n");
    }
    int rc = session_call(c->s, STORE_FOLDER_DELETE, &req, STR_EMPTY, NULL, &err);
    if (rc == ERR_CONFLICT) return cmd_no(c, "HASCHILDREN", "There are mailboxes below it");
    return rc != 0 ? cmd_fail(c, rc, &err) : cmd_done(c);
}

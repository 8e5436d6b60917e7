/* SUBSCRIBE and UNSUBSCRIBE (RFC 9051 sections 6.3.7 and 6.3.8). A name may be subscribed to before it exists. */
#include "imapd/command.h"
#include "imapd/store_call.h"

static int subscribe(struct cmd *c, bool on) {
    struct str name;
    struct error err = {0};
    if (!imap_args_space(c->args) || !imap_args_mailbox(c->args, &name) || !imap_args_end(c->args))
        return cmd_bad_args(c);
    Store__FolderSubscribe req = STORE__FOLDER_SUBSCRIBE__INIT;
    req.name = arena_cstr(c->args->arena, name);
    req.on = on;
    if (req.name == NULL) return cmd_fail(c, ERR_NOMEM, NULL);
    int rc = session_call(c->s, STORE_FOLDER_SUBSCRIBE, &req, STR_EMPTY, NULL, &err);
    return rc != 0 ? cmd_fail(c, rc, &err) : cmd_done(c);
}

int cmd_subscribe(struct cmd *c) {
    return subscribe(c, true);
}

int cmd_unsubscribe(struct cmd *c) {
    return subscribe(c, false);
}

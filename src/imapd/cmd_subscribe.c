/* SUBSCRIBE and UNSUBSCRIBE (RFC 9051 sections 6.3.7 and 6.3.8). Only what is there can be subscribed to; a
 * subscription outlives its mailbox. */
#include "imapd/command.h"
#include "imapd/store_call.h"
#include "store/mailbox/rights.h"

/* Needs "l", as LIST does (RFC 4314 section 4). */
static int look_for(struct session *s, char *name, struct error *err) {
    Store__AclGet req = STORE__ACL_GET__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.name = name;
    req.mine = true;
    int rc = session_call(s, STORE_ACL_GET, &req, STR_EMPTY, &reply, err);
    if (rc != 0 || (((const Store__AclGot *)reply.msg)->rights & RIGHT_LOOKUP) != 0) return rc;
    return error_set(err, ERR_NOTFOUND, "there is no folder \"%.200s\"", name);
}

static int subscribe(struct cmd *c, bool on) {
    struct str name;
    struct error err = {0};
    if (!imap_args_space(c->args) || !imap_args_mailbox(c->args, &name) || !imap_args_end(c->args))
        return cmd_bad_args(c);
    Store__FolderSubscribe req = STORE__FOLDER_SUBSCRIBE__INIT;
    req.name = arena_cstr(c->args->arena, name);
    req.on = on;
    if (req.name == NULL) return cmd_fail(c, ERR_NOMEM, NULL);
    int rc = on ? look_for(c->s, req.name, &err) : 0;
    if (rc == 0) rc = session_call(c->s, STORE_FOLDER_SUBSCRIBE, &req, STR_EMPTY, NULL, &err);
    return rc != 0 ? cmd_fail(c, rc, &err) : cmd_done(c);
}

int cmd_subscribe(struct cmd *c) {
    return subscribe(c, true);
}

int cmd_unsubscribe(struct cmd *c) {
    return subscribe(c, false);
}

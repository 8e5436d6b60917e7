/* MYRIGHTS and LISTRIGHTS (RFC 4314 sections 3.4 and 3.5). */
#include "imapd/acl.h"
#include "imapd/command.h"
#include "imapd/store_call.h"
#include "proto/imap/write.h"
#include "store/mailbox/rights.h"

enum { LINE_BYTES = 32 * IMAP_MAILBOX_MAX };

void acl_tell_my_rights(struct session *s, struct str mailbox, uint32_t rights) {
    char text[RIGHTS_TEXT_MAX];
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    rights_text(rights, true, text);
    buf_adds(&b, "* MYRIGHTS ");
    imap_write_mailbox(&b, mailbox, s->utf8);
    buf_printf(&b, " %s\r\n", text);
    session_put(s, buf_str(&b));
}

static int get(struct cmd *c, struct str mailbox, bool mine, struct rpc_reply *reply, struct error *err) {
    Store__AclGet req = STORE__ACL_GET__INIT;
    req.mine = mine;
    req.name = arena_cstr(c->args->arena, mailbox);
    return req.name == NULL ? ERR_NOMEM : session_call(c->s, STORE_ACL_GET, &req, STR_EMPTY, reply, err);
}

int cmd_myrights(struct cmd *c) {
    struct str mailbox;
    struct error err = {0};
    RPC_REPLY_AUTO reply = {0};
    if (!imap_args_space(c->args) || !imap_args_mailbox(c->args, &mailbox) || !imap_args_end(c->args))
        return cmd_bad_args(c);
    int rc = get(c, mailbox, true, &reply, &err);
    if (rc != 0) return cmd_fail(c, rc, &err);
    acl_tell_my_rights(c->s, mailbox, ((const Store__AclGot *)reply.msg)->rights);
    return cmd_done(c);
}

/* The owner has all rights always; to anybody else each can be given by itself. */
int cmd_listrights(struct cmd *c) {
    struct str mailbox, who;
    struct error err = {0};
    RPC_REPLY_AUTO reply = {0};
    struct imap_args *a = c->args;
    if (!imap_args_space(a) || !imap_args_mailbox(a, &mailbox) || !imap_args_space(a) || !imap_args_astring(a, &who) ||
        !imap_args_end(a))
        return cmd_bad_args(c);
    int rc = get(c, mailbox, false, &reply, &err);
    if (rc != 0) return cmd_fail(c, rc, &err);
    const Store__AclGot *got = (const Store__AclGot *)reply.msg;
    bool owner = !got->shared && str_eq_nocase(who, str_from(got->owner));
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    buf_adds(&b, "* LISTRIGHTS ");
    imap_write_mailbox(&b, mailbox, c->s->utf8);
    buf_addc(&b, ' ');
    imap_write_astring(&b, who, c->s->utf8);
    buf_adds(&b, owner ? " lrswipkxteacd\r\n" : " \"\" l r s w i p k x t e a c d\r\n");
    session_put(c->s, buf_str(&b));
    return cmd_done(c);
}

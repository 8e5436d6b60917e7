/* GETQUOTA and GETQUOTAROOT (RFC 9208): one quota root, "", for the account. STORAGE is in units of 1024 octets. */
#include "imapd/command.h"
#include "imapd/store_call.h"
#include "proto/imap/write.h"

enum { UNIT = 1024, NAME_MAX_BYTES = 16 * IMAP_MAILBOX_MAX };

static int tell_quota(struct cmd *c) {
    Store__QuotaGet req = STORE__QUOTA_GET__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    int rc = session_call(c->s, STORE_QUOTA_GET, &req, STR_EMPTY, &reply, &err);
    if (rc != 0) return rc;
    const Store__QuotaInfo *q = (const Store__QuotaInfo *)reply.msg;
    if (q->limit_bytes == 0)
        session_puts(c->s, "* QUOTA \"\" ()\r\n");
    else
        session_printf(c->s, "* QUOTA \"\" (STORAGE %llu %llu)\r\n", (unsigned long long)((q->bytes + UNIT - 1) / UNIT),
                       (unsigned long long)(q->limit_bytes / UNIT));
    return 0;
}

int cmd_getquota(struct cmd *c) {
    struct str root;
    if (!imap_args_space(c->args) || !imap_args_astring(c->args, &root) || !imap_args_end(c->args))
        return cmd_bad_args(c);
    if (root.len > 0) return cmd_no(c, "NONEXISTENT", "No such quota root");
    int rc = tell_quota(c);
    return rc != 0 ? cmd_fail(c, rc, NULL) : cmd_done(c);
}

int cmd_getquotaroot(struct cmd *c) {
    struct str name;
    if (!imap_args_space(c->args) || !imap_args_mailbox(c->args, &name) || !imap_args_end(c->args))
        return cmd_bad_args(c);
    BUF_AUTO b = BUF_INIT(NAME_MAX_BYTES);
    buf_adds(&b, "* QUOTAROOT ");
    imap_write_mailbox(&b, name, c->s->utf8);
    buf_adds(&b, " \"\"\r\n");
    session_put(c->s, buf_str(&b));
    int rc = tell_quota(c);
    return rc != 0 ? cmd_fail(c, rc, NULL) : cmd_done(c);
}

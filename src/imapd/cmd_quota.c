/* GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208): a quota root for each account whose folders are seen, "" for one's
 * own. STORAGE is in units of 1024 octets. Nobody may set quotas here: the administrator's command line does, for the
 * account as a whole. */
#include "imapd/command.h"
#include "imapd/store_call.h"
#include "proto/imap/write.h"

enum { UNIT = 1024, NAME_MAX_BYTES = 16 * IMAP_MAILBOX_MAX };

/* Asks for the quota of a folder's owner, and tells it. `mailbox`: also to which root it belongs. */
static int tell_quota(struct cmd *c, struct str folder, bool mailbox, struct error *err) {
    Store__QuotaGet req = STORE__QUOTA_GET__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.folder = arena_cstr(c->args->arena, folder);
    if (req.folder == NULL) return ERR_NOMEM;
    int rc = session_call(c->s, STORE_QUOTA_GET, &req, STR_EMPTY, &reply, err);
    if (rc != 0) return rc;
    const Store__QuotaInfo *q = (const Store__QuotaInfo *)reply.msg;
    BUF_AUTO b = BUF_INIT(NAME_MAX_BYTES);
    if (mailbox) {
        buf_adds(&b, "* QUOTAROOT ");
        imap_write_mailbox(&b, folder, c->s->utf8);
        buf_addc(&b, ' ');
        imap_write_string(&b, str_from(q->root), c->s->utf8);
        buf_adds(&b, "\r\n");
    }
    buf_adds(&b, "* QUOTA ");
    imap_write_string(&b, str_from(q->root), c->s->utf8);
    buf_adds(&b, " (");
    if (q->limit_bytes > 0)
        buf_printf(&b, "STORAGE %llu %llu", (unsigned long long)((q->bytes + UNIT - 1) / UNIT),
                   (unsigned long long)(q->limit_bytes / UNIT));
    if (q->limit_messages > 0)
        buf_printf(&b, "%sMESSAGE %llu %llu", q->limit_bytes > 0 ? " " : "", (unsigned long long)q->messages,
                   (unsigned long long)q->limit_messages);
    buf_adds(&b, ")\r\n");
    session_put(c->s, buf_str(&b));
    return 0;
}

int cmd_getquota(struct cmd *c) {
    struct str root;
    struct error err = {0};
    if (!imap_args_space(c->args) || !imap_args_astring(c->args, &root) || !imap_args_end(c->args))
        return cmd_bad_args(c);
    bool other = str_starts(root, STR("Other Users/")) || str_starts(root, STR("Shared/"));
    if (root.len > 0 && !other) return cmd_no(c, "NONEXISTENT", "No such quota root");
    int rc = tell_quota(c, root, false, &err);
    return rc != 0 ? cmd_fail(c, rc, &err) : cmd_done(c);
}

int cmd_getquotaroot(struct cmd *c) {
    struct str name;
    struct error err = {0};
    if (!imap_args_space(c->args) || !imap_args_mailbox(c->args, &name) || !imap_args_end(c->args))
        return cmd_bad_args(c);
    int rc = tell_quota(c, name, true, &err);
    return rc != 0 ? cmd_fail(c, rc, &err) : cmd_done(c);
}

/* "(" [resource SP limit *(SP resource SP limit)] ")" */
static bool take_limits(struct imap_args *a) {
    struct str resource;
    uint64_t limit;
    if (!imap_args_char(a, '(')) return false;
    if (imap_args_char(a, ')')) return true;
    do {
        if (!imap_args_atom(a, &resource) || !imap_args_space(a) || !imap_args_number64(a, &limit)) return false;
    } while (imap_args_space(a));
    return imap_args_char(a, ')');
}

int cmd_setquota(struct cmd *c) {
    struct str root;
    if (!imap_args_space(c->args) || !imap_args_astring(c->args, &root) || !imap_args_space(c->args) ||
        !take_limits(c->args) || !imap_args_end(c->args))
        return cmd_bad_args(c);
    return cmd_no(c, "NOPERM", "Quotas are set by the administrator");
}

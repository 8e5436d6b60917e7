/* GETACL, SETACL, DELETEACL (RFC 4314 sections 3.1 to 3.3). An identifier is the address of a user, or "anyone"; with
 * "-" before it the rights are taken away, whoever else gives them. */
#include "imapd/command.h"
#include "imapd/store_call.h"
#include "net/loop.h"
#include "proto/imap/write.h"
#include "rpc/dir_methods.h"
#include "store/mailbox/rights.h"

enum { LINE_BYTES = 8 * 1024 * 1024, DIR_CALL_MS = 10000 };

/* --- who is meant */
struct identifier {
    char *text;
    uint64_t account; /* 0: anyone, or no such user */
    bool negative;
};

/* A user's address as the directory knows it: aliases lead to the same account. */
static int look_up(struct cmd *c, struct identifier *id, struct error *err) {
    Dir__Resolve req = DIR__RESOLVE__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.address = id->text;
    int rc = rpc_call(c->s->imapd->dir, DIR_RESOLVE, &req.base, STR_EMPTY, loop_now_ms() + DIR_CALL_MS, &reply, err);
    if (rc != 0) return rc;
    const Dir__Resolved *r = (const Dir__Resolved *)reply.msg;
    if (r->kind != DIR__KIND__LOCAL || r->n_targets != 1 || r->targets[0]->account == 0) return 0;
    id->account = r->targets[0]->account;
    id->text = arena_cstr(c->args->arena, str_from(r->targets[0]->address));
    return id->text == NULL ? ERR_NOMEM : 0;
}

static int identify(struct cmd *c, struct str given, struct identifier *id, struct error *err) {
    *id = (struct identifier){.negative = str_starts(given, STR("-"))};
    id->text = arena_cstr(c->args->arena, str_sub(given, id->negative, SIZE_MAX));
    if (id->text == NULL) return ERR_NOMEM;
    return str_eq(str_from(id->text), STR("anyone")) ? 0 : look_up(c, id, err);
}

/* --- changes */
static int change(struct cmd *c, struct str mailbox, struct str who, Store__AclMode mode, uint32_t rights) {
    struct error err = {0};
    struct identifier id;
    Store__AclChange req = STORE__ACL_CHANGE__INIT;
    Store__AclEntry entry = STORE__ACL_ENTRY__INIT;
    int rc = identify(c, who, &id, &err);
    if (rc != 0) return cmd_fail(c, rc, &err);
    req.name = arena_cstr(c->args->arena, mailbox);
    if (req.name == NULL) return cmd_fail(c, ERR_NOMEM, NULL);
    entry.identifier = id.text;
    entry.account = id.account;
    entry.negative = id.negative;
    entry.rights = rights;
    req.entry = &entry;
    req.mode = mode;
    rc = session_call(c->s, STORE_ACL_CHANGE, &req, STR_EMPTY, NULL, &err);
    return rc != 0 ? cmd_fail(c, rc, &err) : cmd_done(c);
}

/* mailbox SP identifier SP ["+" / "-"] rights */
int cmd_setacl(struct cmd *c) {
    struct str mailbox, who, letters;
    struct imap_args *a = c->args;
    uint32_t rights;
    if (!imap_args_space(a) || !imap_args_mailbox(a, &mailbox) || !imap_args_space(a) || !imap_args_astring(a, &who) ||
        !imap_args_space(a) || !imap_args_astring(a, &letters) || !imap_args_end(a))
        return cmd_bad_args(c);
    Store__AclMode mode = str_starts(letters, STR("+"))   ? STORE__ACL_MODE__ACL_MODE_ADD
                          : str_starts(letters, STR("-")) ? STORE__ACL_MODE__ACL_MODE_REMOVE
                                                          : STORE__ACL_MODE__ACL_MODE_SET;
    if (mode != STORE__ACL_MODE__ACL_MODE_SET) letters = str_sub(letters, 1, SIZE_MAX);
    if (rights_parse(letters, &rights) != 0) return cmd_bad(c, "There is no such right");
    return change(c, mailbox, who, mode, rights);
}

int cmd_deleteacl(struct cmd *c) {
    struct str mailbox, who;
    struct imap_args *a = c->args;
    if (!imap_args_space(a) || !imap_args_mailbox(a, &mailbox) || !imap_args_space(a) || !imap_args_astring(a, &who) ||
        !imap_args_end(a))
        return cmd_bad_args(c);
    return change(c, mailbox, who, STORE__ACL_MODE__ACL_MODE_SET, 0);
}

/* --- GETACL */
static void write_entry(struct buf *b, const char *identifier, bool negative, uint32_t rights, bool utf8) {
    char text[RIGHTS_TEXT_MAX];
    BUF_AUTO who = BUF_INIT(1024);
    rights_text(rights, true, text);
    buf_printf(&who, "%s%s", negative ? "-" : "", identifier);
    buf_addc(b, ' ');
    imap_write_astring(b, buf_str(&who), utf8);
    buf_printf(b, " %s", text);
}

int cmd_getacl(struct cmd *c) {
    struct str mailbox;
    struct error err = {0};
    Store__AclGet req = STORE__ACL_GET__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (!imap_args_space(c->args) || !imap_args_mailbox(c->args, &mailbox) || !imap_args_end(c->args))
        return cmd_bad_args(c);
    req.name = arena_cstr(c->args->arena, mailbox);
    if (req.name == NULL) return cmd_fail(c, ERR_NOMEM, NULL);
    int rc = session_call(c->s, STORE_ACL_GET, &req, STR_EMPTY, &reply, &err);
    if (rc != 0) return cmd_fail(c, rc, &err);
    const Store__AclGot *got = (const Store__AclGot *)reply.msg;
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    buf_adds(&b, "* ACL ");
    imap_write_mailbox(&b, mailbox, c->s->utf8);
    if (!got->shared) write_entry(&b, got->owner, false, RIGHTS_ALL, c->s->utf8);
    for (size_t i = 0; i < got->n_entries; i++) {
        const Store__AclEntry *e = got->entries[i];
        write_entry(&b, e->identifier, e->negative, e->rights, c->s->utf8);
    }
    buf_adds(&b, "\r\n");
    session_put(c->s, buf_str(&b));
    return b.error != 0 ? cmd_fail(c, b.error, NULL) : cmd_done(c);
}

/* CREATE (RFC 9051 section 6.3.4, RFC 6154 section 3). */
#include "imapd/command.h"
#include "imapd/list.h"
#include "imapd/objectid.h"
#include "imapd/store_call.h"

#include <stdio.h>

static const char *const special_uses[] = {"\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash"};

enum use { USE_NONE, USE_KNOWN, USE_UNKNOWN, USE_MALFORMED };

/* SP "(" "USE" SP "(" [use-attr] ")" ")" */
static enum use take_use(struct imap_args *a, const char **use) {
    struct str name;
    *use = "";
    if (imap_args_end(a)) return USE_NONE;
    if (!imap_args_space(a) || !imap_args_char(a, '(') || !imap_args_word(a, "USE") || !imap_args_space(a) ||
        !imap_args_char(a, '('))
        return USE_MALFORMED;
    enum use result = USE_NONE;
    if (imap_args_char(a, '\\')) {
        if (!imap_args_atom(a, &name)) return USE_MALFORMED;
        result = USE_UNKNOWN;
        for (size_t i = 0; i < sizeof special_uses / sizeof *special_uses; i++) {
            if (!str_eq_nocase(name, str_from(special_uses[i] + 1))) continue;
            *use = special_uses[i];
            result = USE_KNOWN;
        }
        if (imap_args_space(a)) result = USE_UNKNOWN; /* more than one use */
        while (!imap_args_peek_char(a, ')') && a->rest.len > 0) a->rest = str_sub(a->rest, 1, SIZE_MAX);
    }
    bool closed = imap_args_char(a, ')');
    return closed && imap_args_char(a, ')') && imap_args_end(a) ? result : USE_MALFORMED;
}

/* [MAILBOXID (id)] (RFC 8474 section 4.1); and the name that it got when it is another one. */
static int created(struct cmd *c, const Store__Folder *f, struct str name) {
    char id[OBJECTID_SIZE], code[OBJECTID_SIZE + 16];
    objectid_mailbox(f->id, id);
    (void)snprintf(code, sizeof code, "MAILBOXID (%s)", id);
    if (c->s->rev2 && !str_eq(str_from(f->name), name)) list_tell_name(c->s, "", str_from(f->name), name);
    return cmd_ok(c, code, "CREATE completed");
}

int cmd_create(struct cmd *c) {
    struct str name;
    const char *use;
    struct error err = {0};
    if (!imap_args_space(c->args) || !imap_args_mailbox(c->args, &name)) return cmd_bad_args(c);
    enum use u = take_use(c->args, &use);
    if (u == USE_MALFORMED) return cmd_bad_args(c);
    if (u == USE_UNKNOWN) return cmd_no(c, "USEATTR", "This use is not supported");
    if (name.len > 1 && str_ends(name, STR("/"))) name.len--; /* the client will create names below it */
    Store__FolderCreate req = STORE__FOLDER_CREATE__INIT;
    req.name = arena_cstr(c->args->arena, name);
    req.special_use = (char *)(uintptr_t)use;
    if (req.name == NULL) return cmd_fail(c, ERR_NOMEM, NULL);
    RPC_REPLY_AUTO reply = {0};
    int rc = session_call(c->s, STORE_FOLDER_CREATE, &req, STR_EMPTY, &reply, &err);
    if (rc == ERR_UNSUPPORTED) return cmd_no(c, "USEATTR", err.text); /* RFC 6154 section 3 */
    return rc != 0 ? cmd_fail(c, rc, &err) : created(c, (const Store__Folder *)reply.msg, name);
}

/* GETMETADATA and SETMETADATA (RFC 5464). */
#include "imapd/command.h"
#include "imapd/metadata.h"
#include "imapd/store_call.h"

#include <stdio.h>
#include <string.h>

enum { CODE_BYTES = 64 };

struct getting {
    struct str mailbox;
    struct metadata_names names;
    uint32_t depth;
    uint64_t max_size;
};

/* "(" option *(SP option) ")": MAXSIZE n, DEPTH 0 / 1 / infinity */
static bool take_options(struct imap_args *a, struct getting *g) {
    if (!imap_args_char(a, '(')) return false;
    do {
        if (imap_args_word(a, "MAXSIZE")) {
            if (!imap_args_space(a) || !imap_args_number64(a, &g->max_size)) return false;
        } else if (imap_args_word(a, "DEPTH")) {
            if (!imap_args_space(a)) return false;
            if (imap_args_word(a, "infinity"))
                g->depth = METADATA_DEPTH_ALL;
            else if (!imap_args_number(a, &g->depth) || g->depth > 1)
                return false;
        } else {
            return false;
        }
    } while (imap_args_space(a));
    return imap_args_char(a, ')');
}

/* "" names the account; elsewhere a mailbox name is not empty. */
static bool take_mailbox(struct imap_args *a, struct str *out) {
    struct imap_args b = *a;
    struct str name;
    if (imap_args_string(&b, &name) && name.len == 0) {
        *a = b;
        *out = STR_EMPTY;
        return true;
    }
    return imap_args_mailbox(a, out);
}

static bool take_get(struct imap_args *a, struct getting *g) {
    if (!imap_args_space(a)) return false;
    if (imap_args_peek_char(a, '(') && (!take_options(a, g) || !imap_args_space(a))) return false;
    if (!take_mailbox(a, &g->mailbox) || !imap_args_space(a)) return false;
    struct imap_args b = *a; /* the options stand here in the examples of section 4.2, unlike the grammar */
    if (take_options(&b, g) && imap_args_space(&b)) *a = b;
    return metadata_take_names(a, &g->names) && imap_args_end(a);
}

int cmd_getmetadata(struct cmd *c) {
    struct getting g = {.max_size = UINT64_MAX};
    struct error err = {0};
    uint64_t longest = 0;
    char code[CODE_BYTES];
    if (!take_get(c->args, &g)) return cmd_bad_args(c);
    int rc = metadata_tell(c->s, g.mailbox, &g.names, g.depth, g.max_size, &longest, &err);
    if (rc != 0) return cmd_fail(c, rc, &err);
    if (longest == 0) return cmd_done(c);
    (void)snprintf(code, sizeof code, "METADATA LONGENTRIES %llu", (unsigned long long)longest);
    return cmd_ok(c, code, "GETMETADATA completed");
}

/* entry SP value; value = nstring / literal8 */
static bool take_entry(struct imap_args *a, Store__MetadataEntry *e) {
    struct str name, value;
    bool nil;
    store__metadata_entry__init(e);
    if (!metadata_take_name(a, &name) || !imap_args_space(a) || !imap_args_nstring(a, &value, &nil)) return false;
    e->name = arena_cstr(a->arena, name);
    if (e->name == NULL) return false;
    for (char *p = e->name; *p != '\0'; p++) *p = ascii_lower(*p);
    e->value = rpc_binary(value);
    e->remove = nil;
    return true;
}

static bool take_set(struct imap_args *a, struct str *mailbox, Store__MetadataSet *req) {
    req->entries = arena_alloc(a->arena, METADATA_ENTRIES_MAX * sizeof *req->entries);
    if (req->entries == NULL || !imap_args_space(a) || !take_mailbox(a, mailbox) || !imap_args_space(a) ||
        !imap_args_char(a, '('))
        return false;
    do {
        Store__MetadataEntry *e = arena_alloc(a->arena, sizeof *e);
        if (e == NULL || req->n_entries == METADATA_ENTRIES_MAX || !take_entry(a, e)) return false;
        req->entries[req->n_entries++] = e;
    } while (imap_args_space(a));
    return imap_args_char(a, ')') && imap_args_end(a);
}

/* Section 6.2.2: how to reach the administrator; of a server only, and never changed by clients. */
static bool sets_admin(struct str mailbox, const Store__MetadataSet *req) {
    for (size_t i = 0; mailbox.len == 0 && i < req->n_entries; i++)
        if (str_eq(str_from(req->entries[i]->name), STR("/shared/admin"))) return true;
    return false;
}

int cmd_setmetadata(struct cmd *c) {
    Store__MetadataSet req = STORE__METADATA_SET__INIT;
    struct str mailbox;
    struct error err = {0};
    char code[CODE_BYTES];
    if (!take_set(c->args, &mailbox, &req)) return cmd_bad_args(c);
    if (sets_admin(mailbox, &req)) return cmd_no(c, "NOPERM", "/shared/admin is read-only");
    for (size_t i = 0; i < req.n_entries; i++) {
        if (req.entries[i]->value.len <= METADATA_VALUE_MAX) continue;
        (void)snprintf(code, sizeof code, "METADATA MAXSIZE %d", METADATA_VALUE_MAX);
        return cmd_no(c, code, "The value is too long");
    }
    req.name = arena_cstr(c->args->arena, mailbox);
    if (req.name == NULL) return cmd_fail(c, ERR_NOMEM, NULL);
    int rc = session_call(c->s, STORE_METADATA_SET, &req, STR_EMPTY, NULL, &err);
    if (rc == ERR_LIMIT) return cmd_no(c, "METADATA TOOMANY", "There are too many entries");
    if (rc == ERR_UNSUPPORTED)
        return cmd_no(c, "METADATA NOPRIVATE", "Private entries of this mailbox are its owner's");
    return rc != 0 ? cmd_fail(c, rc, &err) : cmd_done(c);
}

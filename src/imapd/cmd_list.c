/* LIST and LSUB (RFC 9051 section 6.3.9; RFC 5258 LIST-EXTENDED, RFC 5819 LIST-STATUS, RFC 6154 SPECIAL-USE,
 * RFC 8440 LIST-MYRIGHTS, RFC 9590 LIST-METADATA). */
#include "imapd/acl.h"
#include "imapd/command.h"
#include "imapd/list.h"
#include "imapd/metadata.h"
#include "imapd/status.h"
#include "imapd/store_call.h"
#include "proto/imap/utf7.h"
#include "proto/imap/write.h"
#include "store/mailbox/rights.h"

#include <string.h>

enum { PATTERNS_MAX = 64, PAGE = 1000, LINE_BYTES = 16 * IMAP_MAILBOX_MAX + 1024 };

struct listing {
    struct cmd *c;
    struct str pattern[PATTERNS_MAX];
    size_t patterns;
    bool lsub;
    bool only_subscribed, only_special, recursive; /* selection options */
    bool tell_subscribed, tell_rights, extended;
    struct metadata_names metadata; /* annotations to tell with each */
    unsigned status;                /* items to tell with each, 0 = none */
    struct map *parents;            /* levels to be told because something below them is subscribed */
};

static bool take_selection(struct imap_args *a, struct listing *l) {
    l->extended = true;
    if (imap_args_char(a, ')')) return true;
    do {
        if (imap_args_word(a, "SUBSCRIBED"))
            l->only_subscribed = l->tell_subscribed = true;
        else if (imap_args_word(a, "SPECIAL-USE"))
            l->only_special = true;
        else if (imap_args_word(a, "RECURSIVEMATCH"))
            l->recursive = true;
        else if (!imap_args_word(a, "REMOTE"))
            return false;
    } while (imap_args_space(a));
    return imap_args_char(a, ')') && (!l->recursive || l->only_subscribed);
}

static bool take_return(struct imap_args *a, struct listing *l) {
    l->extended = true;
    if (!imap_args_space(a) || !imap_args_word(a, "RETURN") || !imap_args_space(a) || !imap_args_char(a, '('))
        return false;
    if (imap_args_char(a, ')')) return true;
    do {
        if (imap_args_word(a, "SUBSCRIBED"))
            l->tell_subscribed = true;
        else if (imap_args_word(a, "MYRIGHTS"))
            l->tell_rights = true;
        else if (imap_args_word(a, "STATUS")) {
            if (!imap_args_space(a) || !status_take_items(a, &l->status)) return false;
        } else if (imap_args_word(a, "METADATA")) {
            if (!imap_args_space(a) || !imap_args_peek_char(a, '(') || !metadata_take_names(a, &l->metadata))
                return false;
        } else if (!imap_args_word(a, "CHILDREN") && !imap_args_word(a, "SPECIAL-USE"))
            return false;
    } while (imap_args_space(a));
    return imap_args_char(a, ')');
}

/* reference and pattern as one, in UTF-8 */
static bool take_pattern(struct imap_args *a, struct str reference, struct listing *l) {
    struct str p, whole;
    if (l->patterns == PATTERNS_MAX || !imap_args_list_mailbox(a, &p)) return false;
    if (p.len == 0) {
        l->pattern[l->patterns++] = p;
        return true;
    }
    const char *joined = arena_printf(a->arena, "%.*s%.*s", STR_ARG(reference), STR_ARG(p));
    if (joined == NULL) return false;
    int err = imap_mailbox_decode(str_from(joined), a->utf8, a->arena, &whole);
    if (err == ERR_INVALID) return true; /* no name can match: RFC 9051 section 6.3.9 */
    if (err != 0) return false;
    l->pattern[l->patterns++] = whole;
    return true;
}

static bool take_args(struct imap_args *a, struct listing *l) {
    struct str reference;
    if (!imap_args_space(a)) return false;
    if (!l->lsub && imap_args_char(a, '(') && (!take_selection(a, l) || !imap_args_space(a))) return false;
    if (!imap_args_astring(a, &reference) || !imap_args_space(a)) return false;
    if (!l->lsub && imap_args_char(a, '(')) {
        l->extended = true;
        do {
            if (!take_pattern(a, reference, l)) return false;
        } while (imap_args_space(a));
        if (!imap_args_char(a, ')')) return false;
    } else if (!take_pattern(a, reference, l)) {
        return false;
    }
    if (imap_args_end(a)) return true;
    return !l->lsub && take_return(a, l) && imap_args_end(a);
}

static bool matches(const struct listing *l, struct str name) {
    for (size_t i = 0; i < l->patterns; i++)
        if (imap_list_match(l->pattern[i], name)) return true;
    return false;
}

static void tell_name(struct listing *l, struct buf *b, struct str name, bool childinfo) {
    buf_adds(b, ") \"/\" ");
    imap_write_mailbox(b, name, l->c->s->utf8);
    buf_adds(b, childinfo ? " (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n" : "\r\n");
    session_put(l->c->s, buf_str(b));
}

static void tell_folder(struct listing *l, const Store__Folder *f) {
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    bool missing = f->id == 0 && !f->no_select;
    buf_adds(&b, l->lsub ? "* LSUB (" : "* LIST (");
    if (missing)
        list_add_attribute(&b, l->extended ? "\\NonExistent" : "\\Noselect");
    else
        list_add_attributes(&b, f);
    if (l->tell_subscribed && f->subscribed) list_add_attribute(&b, "\\Subscribed");
    bool below = l->parents != NULL && map_remove(l->parents, str_from(f->name)) != NULL;
    tell_name(l, &b, str_from(f->name), below && !l->lsub);
    bool exists = !missing && f->id != 0;
    uint64_t longest = 0;
    if (l->tell_rights && exists) acl_tell_my_rights(l->c->s, str_from(f->name), f->rights);
    if (l->metadata.count > 0 && !missing)
        (void)!metadata_tell(l->c->s, str_from(f->name), &l->metadata, 0, UINT64_MAX, &longest, NULL);
    if (l->status != 0 && exists && !f->no_select && (f->rights & RIGHT_READ) != 0) status_tell(l->c->s, f, l->status);
}

/* LSUB "%" and RECURSIVEMATCH: levels that match while something below them, which does not, is subscribed to (RFC 5258
 * section 3.5). */
static void note_parents(struct listing *l, struct str name) {
    for (size_t i = 1; i < name.len; i++) {
        struct str parent = str_sub(name, 0, i);
        if (name.ptr[i] == '/' && matches(l, parent)) (void)!map_put(l->parents, parent, l, NULL);
    }
}

static void note_folder(struct listing *l, const Store__Folder *f) {
    struct str name = str_from(f->name);
    if (f->subscribed && !matches(l, name)) note_parents(l, name);
}

static void take_folder(struct listing *l, const Store__Folder *f) {
    bool wanted = l->only_subscribed ? f->subscribed : f->id != 0 || f->no_select;
    if (!wanted || (l->only_special && (f->special_use == NULL || f->special_use[0] == '\0'))) return;
    if (matches(l, str_from(f->name))) tell_folder(l, f);
}

/* Whether there is a mailbox of the name, and the attributes of RFC 5258 section 3.4, 4. */
static const char *parent_attributes(struct listing *l, struct str name) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.name = arena_cstr(l->c->args->arena, name);
    if (l->lsub) return "\\Noselect";
    if (req.name == NULL || session_call(l->c->s, STORE_FOLDER_STATUS, &req, STR_EMPTY, &reply, NULL) != 0)
        return "\\NonExistent";
    return ((const Store__Folder *)reply.msg)->has_children ? "\\HasChildren" : "\\HasNoChildren";
}

static void tell_parents(struct listing *l) {
    size_t at = 0;
    struct str name;
    void *value;
    while (map_next(l->parents, &at, &name, &value)) {
        BUF_AUTO b = BUF_INIT(LINE_BYTES);
        buf_printf(&b, "* %s (%s", l->lsub ? "LSUB" : "LIST", parent_attributes(l, name));
        tell_name(l, &b, name, !l->lsub);
    }
}

static int list_all(struct listing *l, void (*take)(struct listing *, const Store__Folder *), struct error *err) {
    BUF_AUTO after = BUF_INIT(2 * IMAP_MAILBOX_MAX + 1);
    for (bool more = true; more;) {
        Store__FolderList req = STORE__FOLDER_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.after = (char *)(uintptr_t)buf_cstr(&after);
        req.limit = PAGE;
        req.subscribed_only = l->only_subscribed;
        int rc = session_call(l->c->s, STORE_FOLDER_LIST, &req, STR_EMPTY, &reply, err);
        if (rc != 0) return rc;
        const Store__FolderListed *page = (const Store__FolderListed *)reply.msg;
        for (size_t i = 0; i < page->n_folders; i++) take(l, page->folders[i]);
        more = page->more && page->n_folders > 0;
        if (!more) break;
        buf_clear(&after);
        buf_adds(&after, page->folders[page->n_folders - 1]->name);
    }
    return 0;
}

static int run_list(struct cmd *c, struct listing *l) {
    struct error err = {0};
    if (!take_args(c->args, l)) return cmd_bad_args(c);
    if (l->patterns == 1 && l->pattern[0].len == 0 && !l->lsub) { /* asks for the delimiter */
        session_puts(c->s, "* LIST (\\Noselect) \"/\" \"\"\r\n");
        return cmd_done(c);
    }
    if (l->lsub || l->recursive) {
        l->parents = map_new(MAP_BYTES);
        if (l->parents == NULL) return cmd_fail(c, ERR_NOMEM, NULL);
    }
    int rc = l->parents != NULL ? list_all(l, note_folder, &err) : 0;
    if (rc == 0) rc = list_all(l, take_folder, &err);
    if (rc == 0 && l->parents != NULL) tell_parents(l);
    map_free(l->parents, NULL);
    return rc != 0 ? cmd_fail(c, rc, &err) : cmd_done(c);
}

int cmd_list(struct cmd *c) {
    struct listing l = {.c = c};
    return run_list(c, &l);
}

int cmd_lsub(struct cmd *c) {
    struct listing l = {.c = c, .lsub = true, .only_subscribed = true};
    return run_list(c, &l);
}

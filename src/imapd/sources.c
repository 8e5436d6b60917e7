#include "imapd/sources.h"

#include "imapd/store_call.h"

enum { PAGE = 1000 };

static bool add_source(struct sources *x, enum source_kind kind, struct str name) {
    if (x->sources == SOURCES_MAX) return false;
    x->source[x->sources++] = (struct source){kind, name};
    return true;
}

/* SP one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")" */
static bool take_names(struct imap_args *a, struct sources *x, enum source_kind kind) {
    struct str name;
    if (!imap_args_space(a)) return false;
    if (!imap_args_char(a, '(')) return imap_args_mailbox(a, &name) && add_source(x, kind, name);
    do {
        if (!imap_args_mailbox(a, &name) || !add_source(x, kind, name)) return false;
    } while (imap_args_space(a));
    return imap_args_char(a, ')');
}

static bool take_source(struct imap_args *a, struct sources *x) {
    if (imap_args_word(a, "selected-delayed") || imap_args_word(a, "selected")) {
        x->selected = true;
        return true;
    }
    if (imap_args_word(a, "inboxes")) return add_source(x, SOURCE_INBOXES, STR_EMPTY);
    if (imap_args_word(a, "personal")) return add_source(x, SOURCE_PERSONAL, STR_EMPTY);
    if (imap_args_word(a, "subscribed")) return add_source(x, SOURCE_SUBSCRIBED, STR_EMPTY);
    if (imap_args_word(a, "subtree-one")) return take_names(a, x, SOURCE_SUBTREE_ONE);
    if (imap_args_word(a, "subtree")) return take_names(a, x, SOURCE_SUBTREE);
    return imap_args_word(a, "mailboxes") && take_names(a, x, SOURCE_MAILBOX);
}

bool sources_parse(struct imap_args *a, struct sources *out) {
    struct imap_args b = *a;
    struct sources x = {.selected = false};
    if (!imap_args_char(&b, '(')) return false;
    do {
        if (!take_source(&b, &x)) return false;
    } while (imap_args_space(&b));
    if (!imap_args_char(&b, ')')) return false;
    *a = b;
    *out = x;
    return true;
}

static bool is_meant(const struct source *src, struct str name, bool subscribed) {
    switch (src->kind) {
    case SOURCE_INBOXES: return str_eq(name, STR("INBOX"));
    case SOURCE_PERSONAL: return true;
    case SOURCE_SUBSCRIBED: return subscribed;
    default: break;
    }
    if (str_eq(name, src->name)) return true;
    if (src->kind == SOURCE_MAILBOX || !str_starts(name, src->name)) return false;
    struct str below = str_sub(name, src->name.len, SIZE_MAX);
    bool one = str_find(str_sub(below, 1, SIZE_MAX), '/') == STR_NPOS;
    return below.ptr[0] == '/' && (src->kind == SOURCE_SUBTREE || one);
}

static int add_name(struct sources *x, struct str name, struct arena *arena) {
    if (x->count == SOURCES_NAMES_MAX) return ERR_LIMIT;
    x->name[x->count] = arena_str(arena, name);
    return x->name[x->count++].ptr == NULL ? ERR_NOMEM : 0;
}

static int take_page(struct sources *x, const Store__FolderListed *page, struct arena *arena) {
    int err = 0;
    for (size_t i = 0; i < page->n_folders && err == 0; i++) {
        const Store__Folder *f = page->folders[i];
        struct str name = str_from(f->name);
        bool meant = false;
        for (size_t k = 0; k < x->sources && !meant; k++) meant = is_meant(&x->source[k], name, f->subscribed);
        if (meant && f->id != 0 && !f->no_select) err = add_name(x, name, arena);
    }
    return err;
}

int sources_resolve(struct session *s, struct sources *x, struct arena *arena) {
    BUF_AUTO after = BUF_INIT(2 * IMAP_MAILBOX_MAX + 1);
    x->name = arena_alloc(arena, SOURCES_NAMES_MAX * sizeof *x->name);
    if (x->name == NULL) return ERR_NOMEM;
    for (bool more = x->sources > 0; more;) {
        Store__FolderList req = STORE__FOLDER_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.after = (char *)(uintptr_t)buf_cstr(&after);
        req.limit = PAGE;
        int err = session_call(s, STORE_FOLDER_LIST, &req, STR_EMPTY, &reply, NULL);
        const Store__FolderListed *page = (const Store__FolderListed *)reply.msg;
        if (err == 0) err = take_page(x, page, arena);
        if (err != 0) return err;
        more = page->more && page->n_folders > 0;
        buf_clear(&after);
        if (more) buf_adds(&after, page->folders[page->n_folders - 1]->name);
    }
    return 0;
}

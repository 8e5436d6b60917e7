#include "imapd/sources.h"

#include "imapd/store_call.h"

enum { PAGE = 1000 };

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
        if (imap_sources_match(&x->meant, name, f->subscribed) && f->id != 0 && !f->no_select)
            err = add_name(x, name, arena);
    }
    return err;
}

int sources_resolve(struct session *s, struct sources *x, struct arena *arena) {
    BUF_AUTO after = BUF_INIT(2 * IMAP_MAILBOX_MAX + 1);
    x->name = arena_alloc(arena, SOURCES_NAMES_MAX * sizeof *x->name);
    if (x->name == NULL) return ERR_NOMEM;
    for (bool more = x->meant.count > 0; more;) {
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

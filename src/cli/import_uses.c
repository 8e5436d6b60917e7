/* Every account is made with "Sent", "Drafts" and so on (RFC 6154). When the other server has the use "\Sent" for
 * another folder ("Sent Items"), that one gets it here, too, and mail programs find what they are used to; our own
 * makes room if it never had a message and the other server has no folder of its name. */
#include "cli/import_imap.h"
#include "net/loop.h"

enum { CALL_MS = 60 * 1000, FOLDERS_MEMORY = 32 * 1024 * 1024 };

static bool is_imported(const struct import_account *a, const char *name) {
    for (const struct import_folder *f = a->folders; f != NULL; f = f->next)
        if (str_eq(str_from(f->name), str_from(name))) return true;
    return false;
}

/* Whether the other server has another folder for this use. */
static bool is_taken(const struct import_account *a, const char *use) {
    for (const struct import_folder *f = a->folders; f != NULL; f = f->next)
        if (str_eq_nocase(str_from(f->special_use), str_from(use))) return true;
    return false;
}

static int let_go(struct import_run *x, const struct import_account *a, const char *name, struct error *err) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    req.session = a->session.number;
    req.name = (char *)(uintptr_t)name;
    int rc = rpc_call(x->store, STORE_FOLDER_DELETE, &req.base, STR_EMPTY, loop_now_ms() + CALL_MS, NULL, err);
    if (rc == 0) rc = mail_subscribe(&a->session, name, false, err);
    return rc == ERR_NOTFOUND ? 0 : rc;
}

int import_uses_give(struct import_run *x, struct import_account *a, struct error *err) {
    ARENA_AUTO arena = arena_new(FOLDERS_MEMORY);
    struct mail_folders ours = {0};
    int rc = arena == NULL ? ERR_NOMEM : mail_folders(&a->session, arena, &ours, err);
    for (size_t i = 0; rc == 0 && i < ours.count; i++) {
        const Store__Folder *f = ours.list[i];
        bool unused = f->special_use[0] != '\0' && f->uidnext == 1 && !f->has_children;
        if (unused && is_taken(a, f->special_use) && !is_imported(a, f->name)) rc = let_go(x, a, f->name, err);
    }
    return rc;
}

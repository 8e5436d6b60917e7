/* FOLDER_CREATE, FOLDER_DELETE, FOLDER_RENAME: one durable commit each. RFC 9051 section 6.3.4 to 6.3.6; rights as in
 * RFC 4314 section 4. */
#include "store/service/private.h"
#include "store/service/transfer.h"

#include <stdlib.h>
#include <string.h>

static bool is_inbox(const struct folder *f) {
    return strcmp(f->name, "INBOX") == 0;
}

static bool is_below(struct str name, const char *parent) {
    size_t n = strlen(parent);
    return name.len > n && name.ptr[n] == '/' && str_starts(name, str_from(parent));
}

static int commit_folder(struct service *s, struct batch *b, struct folder *f) {
    f->pins++;
    f->seq = commit_last(s->st->commits) + 1;
    int rc = store_commit(s->st, b, COMMIT_DURABLE, NULL);
    if (!f->gone) folder_changed(f, f->seq);
    folder_unload(f);
    return rc;
}

/* --- create */
static const struct folder *parent_of(struct account *a, const char *name) {
    const char *p = strrchr(name, '/');
    return p == NULL ? NULL : account_folder(a, str_of(name, (size_t)(p - name)));
}

static int make_parents(struct account *a, struct batch *b, const char *name, struct error *err) {
    for (const char *p = strchr(name, '/'); p != NULL; p = strchr(p + 1, '/')) {
        struct str parent = str_of(name, (size_t)(p - name));
        if (account_folder(a, parent) != NULL) continue;
        if (a->folder_count >= FOLDERS_MAX)
            return error_set(err, ERR_LIMIT, "an account may have at most %d folders", FOLDERS_MAX);
        struct folder *f = account_add_folder(a, b, parent, "");
        folder_inherit(f, b, parent_of(a, f->name));
    }
    return 0;
}

/* The right to make a folder of this name: "k" of the one it comes to stand below. */
static int create_check(const struct session *s, struct account *a, const char *name, struct error *err) {
    if (a == s->account)
        return name_is_reserved(str_from(name))
                   ? error_set(err, ERR_INVALID, "\"%.200s\" is among the names of other people's folders", name)
                   : 0;
    const struct folder *parent = NULL;
    char level[FOLDER_NAME_MAX + 1];
    (void)!str_to_cstr(str_from(name), level, sizeof level);
    for (char *p = strrchr(level, '/'); p != NULL && parent == NULL; p = strrchr(level, '/')) {
        *p = '\0';
        parent = account_folder(a, str_from(level));
    }
    uint32_t have = parent != NULL ? session_rights(s, parent) : acl_granted(&a->members, s->account->id);
    if (parent != NULL && !(have & (RIGHT_LOOKUP | RIGHT_CREATE)))
        return error_set(err, ERR_NOTFOUND, "there is no such folder");
    return rights_check(have, RIGHT_CREATE, err);
}

static int special_use_check(struct account *a, const char *wanted, const char **out, struct error *err) {
    *out = folder_special_use(str_from(wanted));
    if (*out == NULL) return error_set(err, ERR_INVALID, "unknown special use");
    if ((*out)[0] == 0) return 0;
    for (size_t i = 0; i < a->folder_count; i++)
        if (strcmp(a->folders[i]->special_use, *out) == 0)
            return error_set(err, ERR_UNSUPPORTED, "folder \"%.200s\" has this special use already",
                             a->folders[i]->name);
    return 0;
}

static int create(struct service *s, struct session *session, const Store__FolderCreate *req, struct folder **out,
                  struct error *err) {
    char name[FOLDER_NAME_MAX + 1];
    struct account *a;
    struct str local;
    const char *special;
    int rc = space_refuse(s, err);
    if (rc == 0) rc = session_owner(session, str_from(req->name), &a, &local, err);
    if (rc == 0) rc = folder_name_check(local, name, err);
    if (rc == 0) rc = create_check(session, a, name, err);
    if (rc != 0) return rc;
    struct folder *f = account_folder(a, str_from(name));
    if (f != NULL && !f->no_select) return error_set(err, ERR_EXISTS, "folder \"%.200s\" exists already", name);
    rc = special_use_check(a, req->special_use, &special, err);
    if (rc != 0) return rc;
    if (a->folder_count >= FOLDERS_MAX)
        return error_set(err, ERR_LIMIT, "an account may have at most %d folders", FOLDERS_MAX);
    struct batch b;
    batch_init(&b);
    if (f != NULL) { /* a level becomes a mailbox */
        f->no_select = false;
        f->special_use = special;
        f->uidvalidity = account_new_uidvalidity(a, &b);
        folder_put_name(f, &b);
        account_names_changed(a);
    } else {
        rc = make_parents(a, &b, name, err);
        f = account_add_folder(a, &b, str_from(name), special);
        folder_inherit(f, &b, parent_of(a, name));
    }
    f->pins++;
    *out = f;
    int done = commit_folder(s, &b, f);
    batch_done(&b);
    return rc != 0 ? rc : done;
}

HANDLER(on_folder_create) {
    const Store__FolderCreate *req = (const Store__FolderCreate *)r->msg;
    struct session *session;
    struct folder *f = NULL;
    Store__Folder reply = STORE__FOLDER__INIT;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = create(arg, session, req, &f, err);
    if (rc == 0 && f->gone) rc = error_set(err, ERR_NOTFOUND, "the folder was deleted meanwhile");
    if (rc == 0) folder_fill(session, f, r->arena, &reply);
    if (f != NULL) folder_unload(f);
    session_unpin(session);
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* --- delete */
static void delete_name(struct batch *b, struct folder *f) {
    struct key k = key_of_id(KEY_NAME, f->account->id);
    key_bytes(&k, str_from(f->name));
    batch_delete(b, SPACE_META, key_str(&k));
}

/* The mailbox of a level that stays: a new, empty one that nobody can select. */
static void leave_level(struct account *a, struct batch *b, const char *name) {
    struct folder *level = account_add_folder(a, b, str_from(name), "");
    level->no_select = true;
    folder_put_name(level, b);
}

/* One that is in no transfer. */
static int find_settled(struct session *session, const char *wanted, struct folder **out, struct error *err) {
    for (;;) {
        int rc = session_folder_named(session, wanted, RIGHT_DELETE, out, err);
        if (rc != 0 || !folder_in_transfer(*out)) return rc;
        (*out)->pins++;
        rc = folder_wait_transfers(*out);
        folder_unload(*out);
        if (rc != 0) return rc;
    }
}

static int delete_folder(struct service *s, struct session *session, const char *wanted, struct error *err) {
    struct folder *f = NULL;
    int rc = find_settled(session, wanted, &f, err);
    if (rc != 0) return rc;
    struct account *a = f->account;
    if (is_inbox(f)) return error_set(err, ERR_DENIED, "INBOX cannot be deleted");
    bool level = account_has_children(a, f->name);
    if (level && f->no_select) return error_set(err, ERR_CONFLICT, "\"%.200s\" has folders below it", f->name);
    struct batch b;
    batch_init(&b);
    uint64_t id = f->id;
    char name[FOLDER_NAME_MAX + 1];
    (void)!str_to_cstr(str_from(f->name), name, sizeof name);
    f->pins++;
    bool shared = f->acl.count > 0;
    delete_name(&b, f);
    folder_unshare(f, &b);
    purge_folder(s, &b, f, true);
    account_remove_folder(a, f); /* those who have it open see that it is gone */
    if (level) leave_level(a, &b, name);
    if (shared) share_changed(s->m, commit_last(s->st->commits) + 1);
    rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    folder_tell_gone(f);
    folder_unload(f);
    if (rc == 0) purge_run(s, id);
    return rc;
}

HANDLER(on_folder_delete) {
    const Store__FolderName *req = (const Store__FolderName *)r->msg;
    struct session *session;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = delete_folder(arg, session, req->name, err);
    session_unpin(session);
    if (rc != 0) return rc;
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* --- rename */
static int rename_check(struct account *a, const struct folder *f, const char *to, struct error *err) {
    struct folder *there = account_folder(a, str_from(to));
    if (there != NULL) return error_set(err, ERR_EXISTS, "folder \"%.200s\" exists already", to);
    if (!is_inbox(f) && is_below(str_from(to), f->name))
        return error_set(err, ERR_INVALID, "a folder cannot be moved below itself");
    if (is_inbox(f) && a->folder_count >= FOLDERS_MAX)
        return error_set(err, ERR_LIMIT, "an account may have at most %d folders", FOLDERS_MAX);
    size_t grow = strlen(to) > strlen(f->name) ? strlen(to) - strlen(f->name) : 0;
    for (size_t i = 0; i < a->folder_count && !is_inbox(f); i++) {
        if (!is_below(str_from(a->folders[i]->name), f->name)) continue;
        if (strlen(a->folders[i]->name) + grow > FOLDER_NAME_MAX)
            return error_set(err, ERR_LIMIT, "a folder below it would have a name of more than %d bytes",
                             FOLDER_NAME_MAX);
    }
    return 0;
}

static void set_name(struct batch *b, struct folder *f, const char *to, const char *rest) {
    char name[FOLDER_NAME_MAX * 2];
    size_t n = strlen(to), m = strlen(rest);
    IEMS_ASSERT(n + m <= FOLDER_NAME_MAX);
    memcpy(name, to, n);
    memcpy(name + n, rest, m);
    delete_name(b, f);
    free(f->name);
    f->name = str_dup(str_of(name, n + m));
    folder_put_name(f, b);
}

static void rename_tree(struct account *a, struct batch *b, struct folder *f, const char *to) {
    char from[FOLDER_NAME_MAX + 1];
    (void)!str_to_cstr(str_from(f->name), from, sizeof from);
    for (size_t i = 0; i < a->folder_count; i++) {
        struct folder *child = a->folders[i];
        if (!is_below(str_from(child->name), from)) continue;
        char rest[FOLDER_NAME_MAX + 1];
        (void)!str_to_cstr(str_from(child->name + strlen(from)), rest, sizeof rest);
        set_name(b, child, to, rest);
    }
    set_name(b, f, to, "");
    account_sort_folders(a);
}

/* INBOX stays what it is and hands its messages to a new folder (RFC 9051 section 6.3.6, RFC 8474 section 4), which
 * gets a copy of its annotations (RFC 5464 section 4.1). The commit that makes the folder records the move: a crash
 * leaves no folder without the messages. The list of INBOX is HOT. */
static int rename_inbox(struct service *s, struct transfer_choice *c, const char *to, struct str annotations,
                        struct error *err) {
    struct folder *inbox = c->from;
    struct account *a = inbox->account;
    uint64_t map[64];
    struct batch b;
    batch_init(&b);
    int rc = make_parents(a, &b, to, err);
    struct folder *f = account_add_folder(a, &b, str_from(to), "");
    folder_inherit(f, &b, parent_of(a, to));
    metadata_put(&b, f, annotations);
    folder_map_flags(inbox, f, &b, ~0ull, ~0ull, map);
    f->pins++;
    if (rc == 0 && c->count > 0) (void)transfer_begin(s, &b, TRANSFER_MOVE, c, f, map);
    int done = commit_folder(s, &b, f);
    batch_done(&b);
    if (!inbox->gone) folder_changed(inbox, inbox->seq);
    folder_unload(f);
    return rc != 0 ? rc : done;
}

/* Waits for what RENAME of INBOX needs: names are looked at afterwards. The list is held then. */
static int inbox_prepare(struct service *s, struct folder *f, struct buf *annotations, struct transfer_choice *c,
                         struct error *err) {
    int rc = folder_load(f);
    if (rc != 0) return rc;
    const struct uid_run all = {1, UINT32_MAX};
    size_t count;
    uint32_t *uids = uids_of_runs(f, &all, 1, &count);
    rc = transfer_choose(s, c, f, uids, count);
    if (rc == 0) rc = metadata_read(s, f, annotations);
    if (rc == 0) rc = transfer_wait_turn(s, NULL);
    if (rc == 0) transfer_choice_refresh(c);
    if (rc == 0 && f->gone) rc = error_set(err, ERR_NOTFOUND, "the folder was deleted meanwhile");
    if (rc != 0) folder_unload(f);
    return rc;
}

static int rename_other(struct service *s, struct folder *f, const char *to, struct error *err) {
    struct batch b;
    batch_init(&b);
    int rc = make_parents(f->account, &b, to, err);
    rename_tree(f->account, &b, f, to);
    int done = commit_folder(s, &b, f);
    batch_done(&b);
    return rc != 0 ? rc : done;
}

static int rename_folder(struct service *s, struct session *session, const Store__FolderRename *req,
                         struct error *err) {
    struct account *a;
    struct folder *f = NULL;
    struct str local;
    char to[FOLDER_NAME_MAX + 1];
    struct transfer_choice choice = {0};
    BUF_AUTO annotations = BUF_INIT(METADATA_BYTES);
    int rc = session_owner(session, str_from(req->to), &a, &local, err);
    if (rc == 0) rc = folder_name_check(local, to, err);
    if (rc == 0) rc = session_folder_named(session, req->from, RIGHT_DELETE, &f, err);
    if (rc == 0 && f->account != a) rc = error_set(err, ERR_INVALID, "a folder cannot be moved to another owner");
    if (rc == 0 && is_inbox(f) && a != session->account)
        rc = error_set(err, ERR_DENIED, "the INBOX of somebody else cannot be renamed");
    bool inbox = rc == 0 && is_inbox(f);
    if (inbox) rc = inbox_prepare(s, f, &annotations, &choice, err);
    if (rc != 0) {
        transfer_choice_done(&choice);
        return rc;
    }
    rc = create_check(session, a, to, err);
    if (rc == 0) rc = rename_check(a, f, to, err);
    if (rc == 0) rc = inbox ? rename_inbox(s, &choice, to, buf_str(&annotations), err) : rename_other(s, f, to, err);
    transfer_choice_done(&choice);
    if (inbox) folder_unload(f);
    return rc;
}

HANDLER(on_folder_rename) {
    const Store__FolderRename *req = (const Store__FolderRename *)r->msg;
    struct session *session;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = rename_folder(arg, session, req, err);
    session_unpin(session);
    if (rc != 0) return rc;
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

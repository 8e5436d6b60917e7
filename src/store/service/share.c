/* ACL_GET, ACL_CHANGE (RFC 4314) and ACCOUNT_SHARE (SHARE-01 to SHARE-05): one durable commit each. */
#include "store/service/private.h"

#include <stdlib.h>

static int fill_acl(const struct session *s, const struct folder *f, const Store__AclGet *req, struct rpc_request *r,
                    Store__AclGot *reply) {
    const struct account *a = f->account;
    const struct acl *parts[] = {&a->members, &f->acl};
    size_t max = a->members.count + f->acl.count;
    reply->rights = session_rights(s, f);
    reply->owner = arena_cstr(r->arena, str_from(a->address));
    reply->shared = a->shared;
    if (req->mine) return 0;
    reply->entries = arena_alloc(r->arena, (max + 1) * sizeof(Store__AclEntry *));
    Store__AclEntry *all = arena_alloc(r->arena, (max + 1) * sizeof *all);
    if (reply->entries == NULL || all == NULL) return ERR_NOMEM;
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        for (size_t i = 0; i < parts[p]->count; i++) {
            const struct acl_entry *e = &parts[p]->entries[i];
            Store__AclEntry *out = &all[reply->n_entries];
            store__acl_entry__init(out);
            out->identifier = arena_cstr(r->arena, str_from(e->identifier));
            out->account = e->account;
            out->negative = e->negative;
            out->rights = e->rights;
            reply->entries[reply->n_entries++] = out;
        }
    }
    return 0;
}

HANDLER(on_acl_get) {
    const Store__AclGet *req = (const Store__AclGet *)r->msg;
    struct service *s = arg;
    struct session *session;
    struct folder *f;
    Store__AclGot reply = STORE__ACL_GOT__INIT;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = session_folder_named(session, req->name, req->mine ? 0 : RIGHT_ADMIN, &f, err);
    if (rc == 0) {
        uint64_t seq = f->seq;
        rc = fill_acl(session, f, req, r, &reply);
        if (rc == 0) rc = store_wait_durable(s->st, seq);
    }
    session_unpin(session);
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* Who is meant. An address that is not known any more can still be taken out of the list. */
static int identify(const struct folder *f, const Store__AclEntry *e, uint64_t *account, struct error *err) {
    struct str identifier = str_from(e->identifier);
    *account = e->account;
    if (identifier.len == 0 || identifier.len > ACL_IDENTIFIER_MAX)
        return error_set(err, ERR_INVALID, "the identifier is empty or too long");
    if (e->account == f->account->id && !f->account->shared)
        return error_set(err, ERR_INVALID, "the owner has all rights");
    if (e->account != 0 || str_eq_nocase(identifier, STR("anyone"))) return 0;
    const struct acl_entry *there = acl_find(&f->acl, identifier, e->negative);
    if (there == NULL) return error_set(err, ERR_INVALID, "there is no user \"%.200s\"", e->identifier);
    *account = there->account;
    return 0;
}

static int change_acl(struct service *s, struct folder *f, const Store__AclChange *req, struct error *err) {
    const Store__AclEntry *e = req->entry;
    struct batch b;
    uint64_t account;
    int rc = identify(f, e, &account, err);
    if (rc != 0) return rc;
    if (acl_names(&f->account->members, account) && account != 0)
        return error_set(err, ERR_INVALID, "the rights of members are set with the shared account");
    batch_init(&b);
    struct str identifier = account == 0 ? STR("anyone") : str_from(e->identifier);
    rc = folder_share(f, &b, account, identifier, e->negative, (enum acl_mode)req->mode, e->rights);
    if (rc == ERR_LIMIT) error_fill(err, rc, "a folder may have rights for at most %d users", ACL_ENTRIES_MAX);
    if (rc == 0 && batch_empty(&b)) {
        rc = store_wait_durable(s->st, f->seq);
    } else if (rc == 0) {
        f->pins++;
        (void)folder_next_modseq(f); /* who lost the right to look is told to look, and finds out */
        folder_put_counters(f, &b);
        f->seq = commit_last(s->st->commits) + 1;
        share_changed(s->m, f->seq);
        rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
        if (!f->gone) folder_changed(f, f->seq);
        folder_unload(f);
    }
    batch_done(&b);
    return rc;
}

HANDLER(on_acl_change) {
    const Store__AclChange *req = (const Store__AclChange *)r->msg;
    struct session *session;
    struct folder *f;
    if (req->entry == NULL || req->mode > STORE__ACL_MODE__ACL_MODE_REMOVE)
        return error_set(err, ERR_INVALID, "no change was given");
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = session_folder_named(session, req->name, RIGHT_ADMIN, &f, err);
    if (rc == 0) rc = change_acl(arg, f, req, err);
    session_unpin(session);
    if (rc != 0) return rc;
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int members_of(const Store__AccountShare *req, struct acl *out, struct error *err) {
    for (size_t i = 0; i < req->n_members; i++) {
        const Store__AclEntry *e = req->members[i];
        bool changed;
        if (e->account == 0) continue;
        if (acl_change(out, e->account, str_from(e->identifier), false, ACL_ADD, e->rights, &changed) != 0)
            return error_set(err, ERR_LIMIT, "a shared account may have at most %d members", ACL_ENTRIES_MAX);
    }
    return 0;
}

/* Those who look at a folder are told to look again: who is no member any more finds out. */
static void touch_folders(struct account *a, struct batch *b, uint64_t seq) {
    for (size_t i = 0; i < a->folder_count; i++) {
        struct folder *f = a->folders[i];
        f->seq = seq; /* keeps the account in memory until the commit is written */
        if (list_empty(&f->watchers)) continue;
        (void)folder_next_modseq(f);
        folder_put_counters(f, b);
    }
}

HANDLER(on_account_share) {
    const Store__AccountShare *req = (const Store__AccountShare *)r->msg;
    struct service *s = arg;
    struct account *a;
    struct acl members = {0};
    struct batch b;
    int rc = members_of(req, &members, err);
    if (rc == 0) rc = account_pin(s->m, req->account, str_from(req->address), true, &a);
    if (rc != 0) {
        acl_done(&members);
        return rc == ERR_LIMIT ? rc : error_set(err, rc, "the mailbox cannot be opened: %s", err_name(rc));
    }
    batch_init(&b);
    if (account_share(a, &b, &members, req->quota, str_from(req->address))) {
        uint64_t seq = commit_last(s->st->commits) + 1;
        touch_folders(a, &b, seq);
        share_changed(s->m, seq);
        rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
        for (size_t i = 0; i < a->folder_count; i++) folder_changed(a->folders[i], a->folders[i]->seq);
    }
    batch_done(&b);
    acl_done(&members);
    account_unpin(a);
    if (rc != 0) return error_set(err, rc, "the members cannot be stored: %s", err_name(rc));
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

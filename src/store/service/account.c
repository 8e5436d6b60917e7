/* ACCOUNT_DELETE, ACCOUNT_RESTORE and ACCOUNT_INFO, for iems-dir and the command line. */
#include "base/clock.h"
#include "store/service/private.h"

#include <stdlib.h>

/* Until none of its folders is in a transfer: their records may go then. */
static int wait_transfers(const struct account *a) {
    for (size_t i = 0; i < a->folder_count; i++) {
        struct folder *f = a->folders[i];
        if (!folder_in_transfer(f)) continue;
        f->pins++;
        int rc = folder_wait_transfers(f);
        folder_unload(f);
        if (rc != 0) return rc;
        i = (size_t)-1; /* others may have begun */
    }
    return 0;
}

/* The record stays, marked: a delivery that is under way must not bring the account back. */
static int delete_account(struct service *s, struct account *a) {
    struct batch b;
    uint64_t *folders = malloc((a->folder_count + 1) * sizeof *folders);
    size_t n = 0;
    IEMS_ASSERT(folders != NULL);
    batch_init(&b);
    account_unshare(a, &b);
    while (a->folder_count > 0) {
        struct folder *f = a->folders[a->folder_count - 1];
        struct key k = key_of_id(KEY_NAME, a->id);
        key_bytes(&k, str_from(f->name));
        batch_delete(&b, SPACE_META, key_str(&k));
        folders[n++] = f->id;
        purge_folder(s, &b, f, false);
        account_remove_folder(a, f);
    }
    while (a->subscribed_count > 0) account_subscribe(a, &b, str_from(a->subscribed[a->subscribed_count - 1]), false);
    metadata_delete(&b, a, NULL);
    files_delete_all(s->files, &b, a->id);
    a->deleted = true;
    a->kept = false;
    a->state = (struct quota_state){0};
    quota_state_put(&a->state, a->id, &b);
    account_put_record(a, &b);
    share_changed(s->m, commit_last(s->st->commits) + 1);
    int rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    for (size_t i = 0; i < n && rc == 0; i++) purge_run(s, folders[i]);
    files_purge_all(s->files, a->id);
    undelete_sweep(s);
    free(folders);
    return rc;
}

/* Takes the account out of the rights that others gave it. In a fiber. */
static void forget_grants(struct service *s, struct account *gone) {
    struct share_owner *owners;
    size_t n;
    if (share_owners(gone, &owners, &n) != 0 || n == 0) return;
    for (size_t i = 0; i < n; i++) {
        struct account *a;
        struct batch b;
        if (account_pin(s->m, owners[i].account, STR_EMPTY, false, &a) != 0) continue;
        batch_init(&b);
        account_unshare_with(a, &b, gone->id);
        uint64_t seq = commit_submit(s->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
        if (a->folder_count > 0) a->folders[0]->seq = seq; /* keeps the account until that is written */
        share_changed(s->m, seq);
        account_unpin(a);
    }
    share_owners_free(owners, n);
}

/* Deleted for everybody, or there again; nothing else of it changes. */
static int keep_account(struct service *s, struct account *a, bool kept) {
    struct batch b;
    if (a->kept == kept) return 0;
    batch_init(&b);
    a->kept = a->deleted = kept;
    account_put_record(a, &b);
    account_names_changed(a);
    share_changed(s->m, commit_last(s->st->commits) + 1);
    int rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    return rc;
}

HANDLER(on_account_delete) {
    const Store__AccountId *req = (const Store__AccountId *)r->msg;
    struct service *s = arg;
    struct account *a;
    int rc = account_pin_kept(s->m, req->account, &a);
    if (rc == 0 && req->keep) {
        rc = keep_account(s, a, true);
        account_unpin(a);
    } else if (rc == 0) {
        forget_grants(s, a);
        rc = wait_transfers(a);
        if (rc == 0) rc = delete_account(s, a);
        account_unpin(a);
    } else if (rc == ERR_NOTFOUND) { /* never used, or deleted before: that is what was wanted */
        rc = 0;
    }
    if (rc != 0) return error_set(err, rc, "the mailbox cannot be deleted: %s", err_name(rc));
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_account_restore) {
    const Store__AccountId *req = (const Store__AccountId *)r->msg;
    struct service *s = arg;
    struct account *a;
    int rc = account_pin_kept(s->m, req->account, &a);
    if (rc == 0) {
        rc = keep_account(s, a, false);
        account_unpin(a);
    }
    if (rc != 0)
        return error_set(err, rc, "the mailbox cannot be brought back: %s",
                         rc == ERR_NOTFOUND ? "it is gone, or was never used" : err_name(rc));
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_account_info) {
    const Store__AccountId *req = (const Store__AccountId *)r->msg;
    struct service *s = arg;
    struct account *a;
    Store__AccountInfo reply = STORE__ACCOUNT_INFO__INIT;
    reply.account = req->account;
    int rc = account_pin(s->m, req->account, STR_EMPTY, false, &a);
    if (rc == 0) {
        reply.exists = true;
        reply.bytes = a->bytes;
        reply.messages = a->messages;
        reply.folders = a->folder_count;
        reply.last_access = a->last_access;
        account_unpin(a);
    } else if (rc != ERR_NOTFOUND) {
        return error_set(err, rc, "the mailbox cannot be read: %s", err_name(rc));
    }
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

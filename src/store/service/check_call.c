/* STORE_CHECK: runs the check on a worker; with `repair` puts right what can be, from the state in memory where there
 * is one, then checks again. */
#include "store/mailbox/private.h"
#include "store/queue/private.h"
#include "store/service/check.h"
#include "store/service/private.h"

#include <stdlib.h>

enum { FAULTS_TOLD = 1000, REPAIR_ROUNDS = 3 };

static void check_work(void *arg) {
    check_run(arg);
}

static int check_once(struct service *s, struct check *c, bool queue_only) {
    /* A purge works in slices: the invariants hold in between. */
    *c = (struct check){0};
    int rc = service_hold(s);
    if (rc != 0) return rc;
    rc = store_wait_applied(s->st, commit_last(s->st->commits));
    if (rc != 0) {
        service_release(s);
        return rc;
    }
    *c = (struct check){.e = s->st->engine,
                        .snap = engine_snapshot_new(s->st->engine),
                        .queue_only = queue_only,
                        .paged_min = s->m->paged_min};
    service_release(s);
    s->check = c;
    rc = store_work(check_work, c);
    s->check = NULL;
    engine_snapshot_free(s->st->engine, c->snap);
    return rc != 0 ? rc : c->rc;
}

/* --- repairs: each is one commit of its own */
static int repair_count(struct service *s, uint64_t id, int64_t delta) {
    struct blob *blob;
    struct batch b;
    int rc = blob_pin(s->bs, id, &blob);
    if (rc != 0) return rc == ERR_NOTFOUND ? 0 : rc;
    batch_init(&b);
    if ((int64_t)blob->refs + delta >= 0) blob_add_refs(s->bs, &b, blob, (int)delta);
    blob_unpin(s->bs, blob);
    rc = batch_empty(&b) ? 0 : store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    return rc;
}

static int repair_delete(struct service *s, struct str key) {
    struct batch b;
    batch_init(&b);
    batch_delete(&b, SPACE_META, key);
    int rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    return rc;
}

static int repair_chunks(struct service *s, uint64_t id) {
    struct key from, to;
    struct batch b;
    batch_init(&b);
    from.len = to.len = 0;
    key_u64(&from, id);
    key_u64(&to, id + 1);
    batch_delete_range(&b, SPACE_BLOB, key_str(&from), key_str(&to));
    int rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    return rc;
}

/* Puts the entry anew, with its index. */
static int repair_entry(struct service *s, const struct check_fault *f) {
    ARENA_AUTO arena = arena_new(ENTRY_MEMORY_MAX);
    Store__Entry *e;
    struct batch b;
    struct str key = f->key == NULL ? STR_EMPTY : str_of(f->key, f->key_len);
    if (key.len == 0 || !queue_is_free(s->q, f->id)) return 0; /* the end of the lease puts it */
    busy_add(s->q, f->id);
    int rc = entry_get(s->q, key, arena, &e);
    batch_init(&b);
    if (rc == 0) entry_put(s->q, &b, e, entry_key_state(key));
    if (rc == 0) rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    busy_remove(s->q, f->id);
    return rc == ERR_NOTFOUND ? 0 : rc;
}

static int repair_folder(struct service *s, struct check *c, uint64_t id) {
    struct check_folder *cf = map_get(c->folder_of, map_u64_key(&id));
    struct account *a;
    if (cf == NULL) return 0;
    int rc = account_pin(s->m, cf->account, STR_EMPTY, false, &a);
    if (rc != 0) return rc == ERR_NOTFOUND ? 0 : rc;
    struct folder *f = account_folder_by_id(a, id);
    struct batch b;
    batch_init(&b);
    if (f != NULL) rc = folder_recount(f, &b);
    if (rc == 0) account_recount(a);
    if (rc == 0 && !batch_empty(&b)) rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    account_unpin(a);
    return rc;
}

/* Flags without a message: pages and the list in memory may tell of one. */
static int repair_flags(struct service *s, struct check *c, const struct check_fault *fault) {
    struct check_folder *cf = map_get(c->folder_of, map_u64_key(&fault->id));
    struct account *a = NULL;
    struct batch b;
    if (fault->key == NULL || cf == NULL) return 0;
    int rc = account_pin(s->m, cf->account, STR_EMPTY, false, &a);
    if (rc != 0 && rc != ERR_NOTFOUND) return rc;
    struct folder *f = a == NULL ? NULL : account_folder_by_id(a, fault->id);
    batch_init(&b);
    batch_delete(&b, SPACE_META, str_of(fault->key, fault->key_len));
    pages_delete_all(&b, fault->id);
    if (f != NULL && f->heat == FOLDER_HOT && f->pins == 0) folder_list_drop(f);
    if (f != NULL) f->seq = commit_last(s->st->commits) + 1;
    rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    account_unpin(a);
    return rc;
}

/* Writes the reverse index of the account's rights anew. */
static int repair_share(struct service *s, uint64_t id) {
    struct account *a;
    struct batch b;
    int rc = account_pin(s->m, id, STR_EMPTY, false, &a);
    if (rc != 0) return rc == ERR_NOTFOUND ? 0 : rc;
    batch_init(&b);
    account_index_shares(a, &b);
    if (!batch_empty(&b)) {
        share_changed(s->m, commit_last(s->st->commits) + 1);
        rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    }
    batch_done(&b);
    account_unpin(a);
    return rc;
}

static int repair_one(struct service *s, struct check *c, const struct check_fault *f) {
    switch (f->repair) {
    case REPAIR_BLOB_COUNT:
    case REPAIR_BLOB_ORPHAN: return repair_count(s, f->id, f->delta);
    case REPAIR_CHUNKS: return repair_chunks(s, f->id);
    case REPAIR_ENTRY: return repair_entry(s, f);
    case REPAIR_FLAGS: return repair_flags(s, c, f);
    case REPAIR_INDEX: return f->key != NULL ? repair_delete(s, str_of(f->key, f->key_len)) : 0;
    case REPAIR_COUNTERS: return repair_folder(s, c, f->id);
    case REPAIR_SHARE: return repair_share(s, f->id);
    case REPAIR_FILES: return files_repair(s->files, f->id, &(struct files_repaired){0});
    default: return 0;
    }
}

static int repair_all(struct service *s, struct check *c) {
    uint64_t files = 0;
    int rc = 0;
    for (size_t i = 0; i < c->fault_count && rc == 0; i++) {
        const struct check_fault *f = &c->faults[i];
        if (f->repair == REPAIR_FILES && f->id == files) continue; /* all of an account was put right at once */
        if (f->repair == REPAIR_FILES) files = f->id;
        rc = repair_one(s, c, f);
        if (rc == ERR_CORRUPT) rc = 0; /* it is told as left; the others go on */
    }
    return rc;
}

static void fill(struct check *c, struct rpc_request *r, const char *prefix, Store__StoreCheckReply *reply) {
    size_t max = reply->n_faults + c->fault_count;
    char **faults = arena_alloc(r->arena, (max + 1) * sizeof(char *));
    if (faults == NULL) return;
    for (size_t i = 0; i < reply->n_faults; i++) faults[i] = reply->faults[i];
    reply->faults = faults;
    for (size_t i = 0; i < c->fault_count && reply->n_faults < FAULTS_TOLD; i++) {
        char *text = arena_printf(r->arena, "%s%s", prefix, c->faults[i].text);
        if (text != NULL) reply->faults[reply->n_faults++] = text;
    }
    reply->fault_count = c->fault_count;
    reply->entries = c->entries;
    reply->accounts = c->accounts;
    reply->folders = c->folders;
    reply->messages = c->messages;
    reply->blobs = c->blobs;
}

HANDLER(on_store_check) {
    const Store__StoreCheckRequest *req = (const Store__StoreCheckRequest *)r->msg;
    struct service *s = arg;
    struct check c;
    if (s->checking) return error_set(err, ERR_AGAIN, "a check is running already");
    s->checking = true;
    Store__StoreCheckReply reply = STORE__STORE_CHECK_REPLY__INIT;
    int rc = check_once(s, &c, req->queue_only);
    bool repair = rc == 0 && req->repair && c.fault_count > 0;
    if (rc == 0) fill(&c, r, repair ? "found: " : "", &reply);
    /* One repair may uncover another: a message that goes leaves a count behind. */
    for (int round = 0; repair && rc == 0 && c.fault_count > 0 && round < REPAIR_ROUNDS; round++) {
        rc = repair_all(s, &c);
        check_done(&c);
        if (rc == 0) rc = check_once(s, &c, req->queue_only);
    }
    if (repair && rc == 0) fill(&c, r, "left: ", &reply);
    check_done(&c);
    s->checking = false;
    if (rc != 0) return error_set(err, rc, "the check could not be finished: %s", err_name(rc));
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_store_check_progress) {
    struct service *s = arg;
    (void)err;
    Store__StoreCheckProgress reply = STORE__STORE_CHECK_PROGRESS__INIT;
    reply.running = s->checking;
    reply.format = STORE_FORMAT;
    reply.found_format = s->st->found_format;
    if (s->check != NULL) reply.records = s->check->records;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

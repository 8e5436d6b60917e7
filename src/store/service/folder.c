/* Folder methods: status, list, open, watch, changes. A reply is built from memory first and sent when what it tells is
 * durable. */
#include "store/service/private.h"

#include <stdlib.h>
#include <string.h>

enum { CHANGES_BYTES = RPC_PAGE_BYTES, FLAG_RECORD = 20 };

void folder_fill(const struct session *s, struct folder *f, struct arena *arena, Store__Folder *out) {
    struct account *a = f->account;
    bool own = a == s->account;
    out->id = f->id;
    out->others = !own;
    out->name = (char *)(uintptr_t)session_folder_name(s, f, arena);
    out->special_use = (char *)(uintptr_t)(own ? f->special_use : ""); /* uses are one's own folders' */
    out->subscribed = account_subscribed(s->account, str_from(out->name));
    out->rights = session_rights(s, f);
    out->no_select = f->no_select;
    out->uidvalidity = f->uidvalidity;
    out->uidnext = f->uidnext;
    out->highestmodseq = f->highestmodseq;
    out->messages = f->messages;
    out->unseen = f->unseen;
    out->deleted = f->deleted;
    out->size = f->size;
    out->first_recent = f->first_recent;
    out->recent = f->recent;
    out->keywords = arena_alloc(arena, (f->keyword_count + 1) * sizeof(char *));
    for (unsigned i = 0; i < f->keyword_count && out->keywords != NULL; i++)
        out->keywords[out->n_keywords++] = arena_cstr(arena, str_from(f->keywords[i]));
    out->has_children = account_has_children(a, f->name);
}

Store__UidRun **runs_make(struct arena *arena, const struct uid_run *runs, size_t count) {
    Store__UidRun **out = arena_alloc(arena, (count + 1) * sizeof(Store__UidRun *));
    Store__UidRun *all = arena_alloc(arena, (count + 1) * sizeof(Store__UidRun));
    if (out == NULL || all == NULL) return NULL;
    for (size_t i = 0; i < count; i++) {
        store__uid_run__init(&all[i]);
        all[i].first = runs[i].first;
        all[i].last = runs[i].last;
        out[i] = &all[i];
    }
    return out;
}

static int answer_folder(struct service *s, struct rpc_request *r, struct session *session, struct folder *f) {
    Store__Folder reply = STORE__FOLDER__INIT;
    uint64_t seq = f->seq;
    folder_fill(session, f, r->arena, &reply);
    int rc = store_wait_durable(s->st, seq);
    session_unpin(session);
    if (rc == 0) rpc_answer(r, &reply.base, STR_EMPTY);
    return rc;
}

HANDLER(on_folder_status) {
    const Store__FolderName *req = (const Store__FolderName *)r->msg;
    struct session *session;
    struct folder *f;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = session_folder_named(session, req->name, RIGHT_READ, &f, err);
    if (rc != 0) {
        session_unpin(session);
        return rc;
    }
    return answer_folder(arg, r, session, f);
}

HANDLER(on_folder_subscribe) {
    const Store__FolderSubscribe *req = (const Store__FolderSubscribe *)r->msg;
    struct service *s = arg;
    struct session *session;
    char name[FOLDER_NAME_MAX + 1];
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = folder_name_check(str_from(req->name), name, err);
    if (rc == 0 && req->on && session->account->subscribed_count >= FOLDERS_MAX)
        rc = error_set(err, ERR_LIMIT, "an account may have at most %d subscriptions", FOLDERS_MAX);
    struct batch b;
    batch_init(&b);
    if (rc == 0) account_subscribe(session->account, &b, str_from(name), req->on);
    if (rc == 0 && !batch_empty(&b)) rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    session_unpin(session);
    if (rc != 0) return rc;
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* --- open and watch */
static void watch_changed(struct folder_watch *base, uint64_t modseq) {
    struct watch *w = (struct watch *)base;
    Store__FolderChanged msg = STORE__FOLDER_CHANGED__INIT;
    msg.session = w->session->number;
    msg.folder = w->folder;
    msg.highestmodseq = modseq;
    (void)!rpc_session_event(w->session->conn->rpc, STORE_EVENT_FOLDER_CHANGED, &msg.base, STR_EMPTY);
}

static struct watch *watch_find(struct session *s, uint64_t folder) {
    list_foreach(it, &s->watches) {
        struct watch *w = list_entry(it, struct watch, link);
        if (w->folder == folder) return w;
    }
    return NULL;
}

static void watch_add(struct session *s, struct folder *f) {
    if (s->closed || watch_find(s, f->id) != NULL) return;
    struct watch *w = calloc(1, sizeof *w);
    IEMS_ASSERT(w != NULL);
    w->base.changed = watch_changed;
    w->session = s;
    w->folder = f->id;
    list_push_back(&s->watches, &w->link);
    folder_watch(f, &w->base);
}

/* Who may change nothing only looks: what is recent stays so. */
static uint64_t claim_recent(bool asked, const Store__Folder *told, struct folder *f) {
    return asked && (told->rights & RIGHTS_CHANGE) != 0 ? folder_claim_recent(f) : 0;
}

HANDLER(on_folder_open) {
    const Store__FolderOpen *req = (const Store__FolderOpen *)r->msg;
    struct service *s = arg;
    struct session *session;
    struct folder *f;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = req->id != 0 ? session_folder(session, req->id, RIGHT_READ, &f, err)
                      : session_folder_named(session, req->name, RIGHT_READ, &f, err);
    if (rc == 0 && f->no_select) rc = error_set(err, ERR_NOTFOUND, "\"%.200s\" holds only other folders", f->name);
    if (rc == 0) rc = folder_load(f);
    if (rc == 0) {
        Store__FolderOpened reply = STORE__FOLDER_OPENED__INIT;
        Store__Folder folder = STORE__FOLDER__INIT;
        BUF_AUTO runs = BUF_INIT(RPC_FRAME_MAX - 64 * 1024);
        uint64_t seq = f->seq;
        if (req->watch) watch_add(session, f);
        folder_fill(session, f, r->arena, &folder);
        uint64_t claim = claim_recent(req->claim_recent, &folder, f);
        reply.folder = &folder;
        reply.first_unseen = folder_first_unseen(f);
        folder_runs(f, &runs);
        folder_unload(f);
        rc = runs.error != 0 ? runs.error : store_wait_durable(s->st, seq);
        if (rc == 0) rc = store_wait_applied(s->st, claim);
        if (rc == 0) rpc_answer(r, &reply.base, buf_str(&runs));
    }
    session_unpin(session);
    return rc;
}

HANDLER(on_folder_close) {
    const Store__FolderClose *req = (const Store__FolderClose *)r->msg;
    struct session *session;
    (void)arg;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    struct watch *w = watch_find(session, req->folder);
    if (w != NULL) {
        list_remove(&w->link);
        folder_unwatch(&w->base);
        free(w);
    }
    session_unpin(session);
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* --- changes */
/* Messages with a modseq above `since`: when only new ones can have one, they stand at the end. */
static size_t changes_from(const struct folder *f, uint64_t since, uint32_t after_uid) {
    size_t i = after_uid == 0 ? 0 : folder_find(f, after_uid + 1);
    if (since < f->flag_modseq) return i;
    size_t tail = f->count;
    while (tail > i && f->list[tail - 1].modseq > since) tail--;
    return tail;
}

static void put_changes(const struct folder *f, const Store__FolderChanges *req, struct buf *out,
                        Store__FolderChangesReply *reply) {
    for (size_t i = changes_from(f, req->since, req->after_uid); i < f->count; i++) {
        const struct message *m = &f->list[i];
        if (m->modseq <= req->since) continue;
        if (out->len + FLAG_RECORD > CHANGES_BYTES) {
            reply->more = true;
            return;
        }
        struct message_record rec = {.uid = m->uid, .flags = m->flags, .modseq = m->modseq};
        message_record_put(out, 0, &rec);
        reply->count++;
    }
}

static int changes(struct session *session, struct rpc_request *r, const Store__FolderChanges *req, struct folder *f) {
    struct service *s = session->service;
    Store__FolderChangesReply reply = STORE__FOLDER_CHANGES_REPLY__INIT;
    Store__Folder folder = STORE__FOLDER__INIT;
    BUF_AUTO out = BUF_INIT(CHANGES_BYTES);
    struct uid_run *runs = NULL;
    size_t run_count = 0;
    uint64_t modseq = f->highestmodseq; /* what vanishes while the engine is read is told next time, too */
    int rc = req->after_uid == 0 ? folder_vanished(f, req->since, &runs, &run_count) : 0;
    if (rc != 0) return rc;
    uint64_t seq = f->seq;
    put_changes(f, req, &out, &reply);
    folder_fill(session, f, r->arena, &folder);
    uint64_t claim = claim_recent(req->claim_recent, &folder, f);
    reply.folder = &folder;
    reply.highestmodseq = modseq;
    reply.vanished = runs_make(r->arena, runs, run_count);
    reply.n_vanished = reply.vanished == NULL ? 0 : run_count;
    free(runs);
    rc = store_wait_durable(s->st, seq);
    if (rc == 0) rc = store_wait_applied(s->st, claim);
    if (rc == 0) rpc_answer(r, &reply.base, buf_str(&out));
    return rc;
}

HANDLER(on_folder_changes) {
    const Store__FolderChanges *req = (const Store__FolderChanges *)r->msg;
    struct session *session;
    struct folder *f;
    (void)arg;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = session_folder(session, req->folder, RIGHT_READ, &f, err);
    if (rc == 0) rc = folder_load(f);
    if (rc == 0) {
        rc = changes(session, r, req, f);
        folder_unload(f);
    }
    session_unpin(session);
    return rc;
}

/* MESSAGE_APPEND: messages put into a folder by a user, all in one durable commit (RFC 3502), which may also take
 * out the message that they replace (RFC 8508). */
#include "base/clock.h"
#include "proto/mime/summary.h"
#include "store/service/gather.h"

enum { APPEND_MESSAGES_MAX = 4096 };

struct append_item {
    const Store__AppendItem *req;
    struct upload *u; /* NULL: body */
    struct str body;
    uint64_t flags;
};

struct append {
    struct service *s;
    struct rpc_request *r;
    struct session *session;
    const Store__MessageAppend *req;
    struct append_item *items;
    Store__AppendItem first; /* the fields of the request as an item */
    size_t count;
    struct folder *f, *from; /* from: of the message that is replaced, held; or NULL */
    struct folder *keep;     /* where messages get the UIDs wished for, held; or NULL */
    uint32_t kept;
    struct gather old;
    bool submitted;
};

static int body_of(struct append *x, struct append_item *it, struct rpc_request *r, struct str *rest,
                   struct error *err) {
    if (it->req->upload != 0) {
        it->u = conn_upload_take(conn_of(r), it->req->upload);
        return it->u != NULL
                   ? 0
                   : error_set(err, ERR_NOTFOUND, "there is no upload %llu", (unsigned long long)it->req->upload);
    }
    uint64_t size = x->count == 1 ? rest->len : it->req->size;
    if (size > rest->len) return error_set(err, ERR_INVALID, "the body of a message is missing");
    it->body = str_sub(*rest, 0, (size_t)size);
    *rest = str_sub(*rest, (size_t)size, SIZE_MAX);
    return 0;
}

/* From here on the uploads are ours. */
static int take_items(struct append *x, struct rpc_request *r, struct error *err) {
    const Store__MessageAppend *req = x->req;
    struct str rest = r->attach;
    int rc = 0;
    if (req->n_more >= APPEND_MESSAGES_MAX)
        return error_set(err, ERR_LIMIT, "at most %d messages can be appended at once", APPEND_MESSAGES_MAX);
    x->items = arena_alloc(r->arena, (req->n_more + 1) * sizeof *x->items);
    if (x->items == NULL) return ERR_NOMEM;
    store__append_item__init(&x->first);
    x->first.flags = req->flags;
    x->first.keywords = req->keywords;
    x->first.n_keywords = req->n_keywords;
    x->first.internal_date = req->internal_date;
    x->first.upload = req->upload;
    x->first.summary = req->summary;
    x->first.size = req->size;
    x->first.uid = req->uid;
    x->count = req->n_more + 1;
    for (size_t i = 0; i < x->count && rc == 0; i++) {
        x->items[i].req = i == 0 ? &x->first : req->more[i - 1];
        if (x->items[i].req->summary.len > SUMMARY_MAX) rc = error_set(err, ERR_LIMIT, "the summary is too large");
        if (rc == 0) rc = body_of(x, &x->items[i], r, &rest, err);
    }
    return rc;
}

static void drop_uploads(struct append *x) {
    for (size_t i = 0; i < x->count && x->items != NULL; i++)
        if (x->items[i].u != NULL) upload_drop(x->s->bs, x->items[i].u);
}

static uint64_t item_size(const struct append_item *it) {
    return it->u != NULL ? it->u->size : it->body.len;
}

static int check(struct append *x, struct error *err) {
    uint64_t size = 0;
    int rc = session_folder_named(x->session, x->req->folder, RIGHT_INSERT, &x->f, err);
    if (rc == 0 && x->f->no_select)
        rc = error_set(err, ERR_NOTFOUND, "\"%.200s\" holds only other folders", x->f->name);
    if (rc != 0) return rc;
    if (x->f->uidnext > UINT32_MAX - x->count) return error_set(err, ERR_LIMIT, "the folder has no more UIDs");
    for (size_t i = 0; i < x->count; i++) size += item_size(&x->items[i]);
    struct account *owner = x->f->account;
    enum account_room room = account_room(owner, size, (uint32_t)x->count, session_quota(x->session, owner));
    return room == ROOM_FITS ? 0 : error_set(err, ERR_NOSPACE, "%s", account_room_text(room));
}

static int find_keywords(struct append *x, struct batch *b, struct error *err) {
    uint64_t may = rights_flags(session_rights(x->session, x->f));
    bool keywords = may >> MAILBOX_KEYWORD_SHIFT != 0;
    for (size_t i = 0; i < x->count; i++) {
        const Store__AppendItem *req = x->items[i].req;
        int rc = folder_keywords(x->f, b, req->keywords, req->n_keywords, keywords, true, &x->items[i].flags);
        if (rc != 0)
            return error_set(err, rc, "a folder may have at most %d keywords of 1 to %d bytes", MAILBOX_KEYWORDS_MAX,
                             KEYWORD_LEN_MAX);
        x->items[i].flags = (x->items[i].flags | (req->flags & MAILBOX_SYSTEM_FLAGS)) & may;
    }
    return 0;
}

/* Whoever has the folder open counts its messages: nothing may come in between (RFC 9051 section 2.3.1.2). */
static bool may_keep(const struct append *x, uint32_t uid) {
    if (x->keep != x->f || uid == 0 || uid >= UINT32_MAX - APPEND_MESSAGES_MAX) return false;
    if (x->f->uidvalidity != x->req->keep_uidvalidity || !list_empty(&x->f->watchers)) return false;
    size_t at = folder_find(x->f, uid);
    return at == x->f->count || x->f->list[at].uid != uid;
}

static uint32_t append_one(struct append *x, struct batch *b, struct append_item *it) {
    struct message_new n = {.flags = it->flags,
                            .internal_date = it->req->internal_date != 0 ? it->req->internal_date : clock_wall_s(),
                            .body_size = item_size(it),
                            .prefix = STR_EMPTY,
                            .summary = rpc_bytes(it->req->summary)};
    n.blob = it->u != NULL ? upload_finish(x->s->bs, b, it->u, STR_EMPTY, 1)
                           : blob_create(x->s->bs, b, it->body, STR_EMPTY, 1);
    blob_wait_index(x->s->bs, b, n.blob);
    uint32_t uid = it->req->uid;
    if (!may_keep(x, uid)) return folder_append(x->f, b, &n);
    folder_insert(x->f, b, uid, &n);
    x->kept++;
    return uid;
}

/* A restore: the list must be known whole. In a fiber. */
static int load_keep(struct append *x, struct error *err) {
    if (x->req->keep_uidvalidity == 0) return 0;
    int rc = session_folder_named(x->session, x->req->folder, RIGHT_INSERT, &x->keep, err);
    if (rc == 0) rc = folder_load(x->keep);
    if (rc != 0) x->keep = NULL;
    return rc;
}

/* Brings the message that is replaced into memory. In a fiber. */
static int find_replaced(struct append *x, struct error *err) {
    if (x->req->replace_folder == 0) return 0;
    struct folder *f;
    int rc = session_folder(x->session, x->req->replace_folder, RIGHT_READ | RIGHT_TRASH | RIGHT_EXPUNGE, &f, err);
    if (rc == 0) rc = folder_load(f);
    if (rc != 0) return rc;
    x->from = f;
    rc = folder_wait_records(f, x->req->replace_uid);
    return rc == 0 ? gather_take(&x->old, x->s, f->id, &x->req->replace_uid, 1) : rc;
}

static bool replaced_at(const struct append *x, size_t *at) {
    *at = folder_find(x->from, x->req->replace_uid);
    return *at < x->from->count && x->from->list[*at].uid == x->req->replace_uid && !x->from->gone;
}

static void remove_replaced(struct append *x, struct batch *b, uint64_t *modseq) {
    size_t at;
    struct gathered *m = x->old.list;
    if (!replaced_at(x, &at)) return;
    if (m->blob != NULL && m->blob->refs > 0) blob_add_refs(x->s->bs, b, m->blob, -1);
    *modseq = folder_next_modseq(x->from);
    folder_list_remove(x->from, b, &at, 1, m->stored.size, *modseq);
}

/* Checks, changes memory and submits without a wait in between. */
static int append(struct append *x, Store__MessageAppended *reply, struct error *err) {
    struct batch b;
    size_t at;
    int rc = check(x, err);
    if (rc == 0 && x->from != NULL && !replaced_at(x, &at))
        rc = error_set(err, ERR_CONFLICT, "the message to replace is not there any more");
    if (rc != 0) return rc;
    struct folder *f = x->f;
    if (x->keep != NULL) reply->uids = arena_alloc(x->r->arena, x->count * sizeof *reply->uids);
    if (x->keep != NULL && reply->uids == NULL) return ERR_NOMEM;
    batch_init(&b);
    rc = find_keywords(x, &b, err);
    if (rc != 0) {
        batch_done(&b);
        return rc;
    }
    x->submitted = true;
    if ((session_rights(x->session, f) & RIGHT_READ) != 0) reply->uidvalidity = f->uidvalidity;
    reply->folder = f->id;
    for (size_t i = 0; i < x->count; i++) {
        uint32_t uid = append_one(x, &b, &x->items[i]);
        if (i == 0) reply->uid = uid;
        if (reply->uids != NULL) reply->uids[reply->n_uids++] = uid;
    }
    if (x->from != NULL) remove_replaced(x, &b, &reply->replaced_modseq);
    reply->kept_uid = x->kept;
    f->pins++;
    f->seq = commit_last(x->s->st->commits) + 1;
    if (x->from != NULL) x->from->seq = f->seq;
    rc = store_commit(x->s->st, &b, COMMIT_DURABLE, NULL);
    if (!f->gone) folder_changed(f, f->seq);
    if (x->from != NULL && x->from != f && !x->from->gone) folder_changed(x->from, x->from->seq);
    folder_unload(f);
    return rc;
}

HANDLER(on_message_append) {
    struct append x = {.s = arg, .r = r, .req = (const Store__MessageAppend *)r->msg};
    Store__MessageAppended reply = STORE__MESSAGE_APPENDED__INIT;
    int rc = session_pin(r, x.req->session, &x.session, err);
    if (rc != 0) return rc;
    rc = space_refuse(x.s, err);
    if (rc == 0) {
        rc = take_items(&x, r, err);
        if (rc == 0) rc = find_replaced(&x, err);
        if (rc == 0) rc = load_keep(&x, err);
        if (rc == 0 && x.from != NULL) rc = folder_wait_sources(x.from); /* it may be removed */
        if (rc == 0) rc = append(&x, &reply, err);
        if (rc != 0 && !x.submitted) drop_uploads(&x);
        if (x.old.list != NULL) gather_done(&x.old);
        if (x.from != NULL) folder_unload(x.from);
        if (x.keep != NULL) folder_unload(x.keep);
    }
    session_unpin(x.session);
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

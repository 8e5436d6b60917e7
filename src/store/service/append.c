/* MESSAGE_APPEND: a message put into a folder by its owner. Durable. */
#include "base/clock.h"
#include "proto/mime/summary.h"
#include "store/service/private.h"

static int append_check(struct session *session, const Store__MessageAppend *req, uint64_t size, struct folder **f,
                        struct error *err) {
    int rc = session_folder_named(session, req->folder, f, err);
    if (rc == 0 && (*f)->no_select)
        rc = error_set(err, ERR_NOTFOUND, "\"%.200s\" holds only other folders", (*f)->name);
    if (rc != 0) return rc;
    if (req->summary.len > SUMMARY_MAX) return error_set(err, ERR_LIMIT, "the summary is too large");
    if ((*f)->uidnext == UINT32_MAX) return error_set(err, ERR_LIMIT, "the folder has no more UIDs");
    if (!account_fits(session->account, size, session->quota))
        return error_set(err, ERR_NOSPACE, "the mailbox is full");
    return 0;
}

static int append(struct service *s, struct session *session, const Store__MessageAppend *req, struct upload *u,
                  struct str body, Store__MessageAppended *reply, struct error *err) {
    struct folder *f;
    struct batch b;
    struct message_new n = {.internal_date = req->internal_date != 0 ? req->internal_date : clock_wall_s(),
                            .body_size = u != NULL ? u->size : body.len,
                            .prefix = STR_EMPTY,
                            .summary = rpc_bytes(req->summary)};
    int rc = append_check(session, req, n.body_size, &f, err);
    if (rc != 0) return rc;
    batch_init(&b);
    rc = folder_keywords(f, &b, req->keywords, req->n_keywords, true, true, &n.flags);
    if (rc != 0) {
        batch_done(&b);
        return error_set(err, rc, "a folder may have at most %d keywords of 1 to %d bytes", MAILBOX_KEYWORDS_MAX,
                         KEYWORD_LEN_MAX);
    }
    n.flags |= req->flags & MAILBOX_SYSTEM_FLAGS;
    n.blob = u != NULL ? upload_finish(s->bs, &b, u, STR_EMPTY, 1) : blob_create(s->bs, &b, body, STR_EMPTY, 1);
    reply->uid = folder_append(f, &b, &n);
    reply->uidvalidity = f->uidvalidity;
    reply->folder = f->id;
    f->pins++;
    f->seq = commit_last(s->st->commits) + 1;
    rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    if (!f->gone) folder_changed(f, f->seq);
    folder_unload(f);
    return rc;
}

HANDLER(on_message_append) {
    const Store__MessageAppend *req = (const Store__MessageAppend *)r->msg;
    struct service *s = arg;
    struct session *session;
    struct upload *u = NULL;
    Store__MessageAppended reply = STORE__MESSAGE_APPENDED__INIT;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = space_refuse(s, err);
    if (rc == 0 && req->upload != 0) {
        u = conn_upload(conn_of(r), req->upload);
        if (u == NULL) rc = error_set(err, ERR_NOTFOUND, "there is no upload %llu", (unsigned long long)req->upload);
    }
    if (rc == 0 && u != NULL) (void)conn_upload_take(conn_of(r), req->upload);
    if (rc == 0) {
        rc = append(s, session, req, u, r->attach, &reply, err);
        if (rc != 0 && reply.uid == 0 && u != NULL) upload_drop(s->bs, u);
    }
    session_unpin(session);
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

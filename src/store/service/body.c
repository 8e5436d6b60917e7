/* Uploads of a connection. */
#include "store/service/private.h"

struct upload *conn_upload(struct conn *c, uint64_t handle) {
    return map_get(c->uploads, map_u64_key(&handle));
}

struct upload *conn_upload_take(struct conn *c, uint64_t handle) {
    return map_remove(c->uploads, map_u64_key(&handle));
}

static int no_upload(uint64_t handle, struct error *err) {
    return error_set(err, ERR_NOTFOUND, "there is no upload %llu", (unsigned long long)handle);
}

HANDLER(on_upload_new) {
    struct service *s = arg;
    struct conn *c = conn_of(r);
    const Store__UploadNew *req = (const Store__UploadNew *)r->msg;
    int rc = space_refuse(s, err);
    if (rc != 0) return rc;
    if (s->space.total > 0 && req->size_hint > s->space.free)
        return error_set(err, ERR_NOSPACE, "not enough disk space for %llu bytes", (unsigned long long)req->size_hint);
    if (map_count(c->uploads) >= UPLOADS_MAX) return error_set(err, ERR_LIMIT, "too many uploads at once");
    struct upload *u = upload_new(s->bs);
    uint64_t handle = ++c->next_upload;
    if (map_put(c->uploads, map_u64_key(&handle), u, NULL) != 0) {
        upload_drop(s->bs, u);
        return ERR_NOMEM;
    }
    Store__UploadHandle reply = STORE__UPLOAD_HANDLE__INIT;
    reply.upload = handle;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_upload_append) {
    struct service *s = arg;
    const Store__UploadAppend *req = (const Store__UploadAppend *)r->msg;
    struct upload *u = conn_upload(conn_of(r), req->upload);
    if (u == NULL) return no_upload(req->upload, err);
    int rc = space_refuse(s, err);
    if (rc == 0 && r->attach.len > RPC_CHUNK_MAX)
        rc = error_set(err, ERR_LIMIT, "a piece may have at most %d bytes", RPC_CHUNK_MAX);
    if (rc == 0) rc = upload_append(s->bs, u, r->attach);
    if (rc != 0) return rc;
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_upload_drop) {
    struct service *s = arg;
    const Store__UploadDrop *req = (const Store__UploadDrop *)r->msg;
    struct upload *u = conn_upload_take(conn_of(r), req->upload);
    if (u == NULL) return no_upload(req->upload, err);
    upload_drop(s->bs, u);
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

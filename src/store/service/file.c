/* FILE_*: web folders of the session's account (WFOLD-01). */
#include "store/service/private.h"

#include <string.h>

/* What a request needs: the session, held, and its account's files, held. */
struct file_call {
    struct session *session;
    struct files_account *account;
};

enum file_right { FILE_LOOK, FILE_CHANGE };

static int call_begin(struct file_call *c, struct rpc_request *r, uint32_t number, enum file_right right,
                      struct error *err) {
    struct session *s;
    int rc = session_pin(r, number, &s, err);
    if (rc != 0) return rc;
    if (s->account->deleted)
        rc = error_set(err, ERR_NOTFOUND, "this mailbox was deleted");
    else if (!s->files.allowed && (right == FILE_CHANGE || !s->files.admin))
        rc = error_set(err, ERR_DENIED, "web folders are disabled for %.200s", s->account->address);
    if (rc != 0) {
        session_unpin(s);
        return rc;
    }
    const char *at = strrchr(s->account->address, '@');
    c->session = s;
    c->account = files_pin(s->service->files, s->account->id, str_from(at != NULL ? at + 1 : ""));
    return 0;
}

static void call_end(struct file_call *c) {
    files_unpin(c->account);
    session_unpin(c->session);
}

static int take_path(const char *text, struct rpc_request *r, struct file_path *out, struct error *err) {
    return file_path_parse(str_from(text), r->arena, out, err);
}

static int info_fill(const struct file_entry *e, struct str name, struct arena *arena, Store__FileInfo *out) {
    store__file_info__init(out);
    out->name = arena_cstr(arena, name);
    out->type = arena_cstr(arena, e->type);
    out->folder = e->folder;
    out->size = e->size;
    out->modified = e->modified;
    out->version = e->folder ? 0 : e->id;
    return out->name != NULL && out->type != NULL ? 0 : ERR_NOMEM;
}

static struct str last_name(const struct file_path *p) {
    return p->depth == 0 ? STR_EMPTY : p->part[p->depth - 1];
}

HANDLER(on_file_list) {
    const Store__FileList *req = (const Store__FileList *)r->msg;
    struct file_call c;
    struct file_path p;
    struct files_page page = {.arena = r->arena};
    (void)arg;
    int rc = take_path(req->path, r, &p, err);
    if (rc == 0) rc = call_begin(&c, r, req->session, FILE_LOOK, err);
    if (rc != 0) return rc;
    rc = files_list(c.account, &p, str_from(req->after), req->limit, &page, err);
    call_end(&c);
    if (rc != 0) return rc;
    Store__FileListed reply = STORE__FILE_LISTED__INIT;
    Store__FileInfo *infos = arena_alloc(r->arena, (page.count + 1) * sizeof *infos);
    reply.entries = arena_alloc(r->arena, (page.count + 1) * sizeof(*reply.entries));
    if (infos == NULL || reply.entries == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < page.count; i++) {
        rc = info_fill(&page.list[i].entry, page.list[i].name, r->arena, &infos[i]);
        if (rc != 0) return error_set(err, rc, "out of memory");
        reply.entries[reply.n_entries++] = &infos[i];
    }
    reply.more = page.more;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_file_stat) {
    const Store__FileName *req = (const Store__FileName *)r->msg;
    struct file_call c;
    struct file_path p;
    struct file_info info;
    Store__FileInfo reply;
    (void)arg;
    int rc = take_path(req->path, r, &p, err);
    if (rc == 0) rc = call_begin(&c, r, req->session, FILE_LOOK, err);
    if (rc != 0) return rc;
    rc = files_stat(c.account, &p, &info, err);
    call_end(&c);
    if (rc == 0 && (rc = info_fill(&info.entry, last_name(&p), r->arena, &reply)) != 0)
        (void)error_set(err, rc, "out of memory");
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int unreadable(int code, struct error *err) {
    return error_set(err, code, "the content of the file cannot be read: %s", err_name(code));
}

/* ERR_NOTFOUND, without a text: there is no such body any more. */
static int read_range(struct service *s, const Store__FileRead *req, const struct file_entry *e, struct buf *out,
                      struct error *err) {
    uint64_t len = req->length == 0 || req->length > RPC_CHUNK_MAX ? RPC_CHUNK_MAX : req->length;
    if (e->folder) return error_set(err, ERR_INVALID, "this is a folder");
    if (req->version != 0 && req->version != e->id)
        return error_set(err, ERR_CONFLICT, "the file was replaced meanwhile");
    buf_clear(out);
    int rc = blob_read(s->st, e->id, e->size, req->offset, len, out);
    return rc == 0 || rc == ERR_NOTFOUND ? rc : unreadable(rc, err);
}

/* A body that is gone is lost only if the file has it still: it may have been replaced since it was looked up. */
static int read_file(struct service *s, struct files_account *a, const Store__FileRead *req, const struct file_path *p,
                     struct file_info *info, struct buf *out, struct error *err) {
    uint64_t gone = 0;
    int rc;
    do {
        rc = files_stat(a, p, info, err);
        if (rc != 0) return rc;
        if (gone != 0 && info->entry.id == gone) return unreadable(ERR_CORRUPT, err);
        gone = info->entry.id;
        rc = read_range(s, req, &info->entry, out, err);
    } while (rc == ERR_NOTFOUND);
    return rc;
}

HANDLER(on_file_read) {
    const Store__FileRead *req = (const Store__FileRead *)r->msg;
    struct file_call c;
    struct file_path p;
    struct file_info info;
    Store__FileInfo reply;
    BUF_AUTO bytes = BUF_INIT(RPC_CHUNK_MAX);
    int rc = take_path(req->path, r, &p, err);
    if (rc == 0) rc = call_begin(&c, r, req->session, FILE_LOOK, err);
    if (rc != 0) return rc;
    rc = read_file(arg, c.account, req, &p, &info, &bytes, err);
    call_end(&c);
    if (rc == 0 && (rc = info_fill(&info.entry, last_name(&p), r->arena, &reply)) != 0)
        (void)error_set(err, rc, "out of memory");
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, buf_str(&bytes));
    return 0;
}

/* Visible ASCII and blanks: it ends up in a header field of HTTP. */
static int check_type(struct str type, struct error *err) {
    for (size_t i = 0; i < type.len; i++)
        if (type.ptr[i] < 0x20 || type.ptr[i] > 0x7e)
            return error_set(err, ERR_INVALID, "a content type is made of ASCII characters");
    return 0;
}

static int put(struct service *s, struct file_call *c, const Store__FilePut *req, struct rpc_request *r,
               struct file_entry *out, struct error *err) {
    struct file_path p;
    struct file_new n = {.body = r->attach,
                         .type = str_from(req->type),
                         .modified = req->modified,
                         .replace = req->replace,
                         .parents = req->parents,
                         .check_only = req->check,
                         .size = req->size};
    int rc = req->check ? 0 : space_refuse(s, err);
    if (rc == 0) rc = take_path(req->path, r, &p, err);
    if (rc == 0) rc = check_type(n.type, err);
    if (rc == 0 && req->upload != 0 && !req->check && (n.upload = conn_upload_take(conn_of(r), req->upload)) == NULL)
        rc = error_set(err, ERR_NOTFOUND, "there is no upload %llu", (unsigned long long)req->upload);
    if (rc == 0) rc = files_put(c->account, &c->session->files.limits, &p, &n, out, err);
    if (n.upload != NULL) upload_drop(s->bs, n.upload);
    return rc;
}

HANDLER(on_file_put) {
    const Store__FilePut *req = (const Store__FilePut *)r->msg;
    struct file_call c;
    struct file_entry e;
    Store__FileInfo reply;
    int rc = call_begin(&c, r, req->session, FILE_CHANGE, err);
    if (rc != 0) return rc;
    rc = put(arg, &c, req, r, &e, err);
    call_end(&c);
    if (rc == 0 && (rc = info_fill(&e, STR_EMPTY, r->arena, &reply)) != 0) (void)error_set(err, rc, "out of memory");
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int answer_empty(int rc, struct rpc_request *r) {
    Store__Empty reply = STORE__EMPTY__INIT;
    if (rc == 0) rpc_answer(r, &reply.base, STR_EMPTY);
    return rc;
}

HANDLER(on_file_mkdir) {
    const Store__FileMkdir *req = (const Store__FileMkdir *)r->msg;
    struct file_call c;
    struct file_path p;
    int rc = take_path(req->path, r, &p, err);
    if (rc == 0) rc = space_refuse(arg, err);
    if (rc == 0) rc = call_begin(&c, r, req->session, FILE_CHANGE, err);
    if (rc != 0) return rc;
    rc = files_mkdir(c.account, &p, req->parents, err);
    call_end(&c);
    return answer_empty(rc, r);
}

HANDLER(on_file_move) {
    const Store__FileMove *req = (const Store__FileMove *)r->msg;
    struct file_call c;
    struct file_path from, to;
    (void)arg;
    int rc = take_path(req->from, r, &from, err);
    if (rc == 0) rc = take_path(req->to, r, &to, err);
    if (rc == 0) rc = call_begin(&c, r, req->session, FILE_CHANGE, err);
    if (rc != 0) return rc;
    rc = files_move(c.account, &from, &to, req->replace, err);
    call_end(&c);
    return answer_empty(rc, r);
}

HANDLER(on_file_copy) {
    const Store__FileMove *req = (const Store__FileMove *)r->msg;
    struct file_call c;
    struct file_path from, to;
    struct file_usage u;
    int rc = take_path(req->from, r, &from, err);
    if (rc == 0) rc = take_path(req->to, r, &to, err);
    if (rc == 0) rc = space_refuse(arg, err);
    if (rc == 0) rc = call_begin(&c, r, req->session, FILE_CHANGE, err);
    if (rc != 0) return rc;
    rc = files_copy(c.account, &c.session->files.limits, &from, &to, req->replace, &u, err);
    call_end(&c);
    if (rc != 0) return rc;
    Store__FileCopied reply = STORE__FILE_COPIED__INIT;
    reply.files = u.files;
    reply.folders = u.folders;
    reply.bytes = u.bytes;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_file_remove) {
    const Store__FileRemove *req = (const Store__FileRemove *)r->msg;
    struct file_call c;
    struct file_path p;
    (void)arg;
    int rc = take_path(req->path, r, &p, err);
    if (rc == 0) rc = call_begin(&c, r, req->session, FILE_LOOK, err);
    if (rc != 0) return rc;
    rc = files_remove(c.account, &p, req->recursive, err);
    call_end(&c);
    return answer_empty(rc, r);
}

HANDLER(on_file_usage) {
    const Store__FileUsageGet *req = (const Store__FileUsageGet *)r->msg;
    struct session *s;
    (void)arg;
    int rc = session_pin(r, req->session, &s, err);
    if (rc != 0) return rc;
    const char *at = strrchr(s->account->address, '@');
    struct files_account *a = files_pin(s->service->files, s->account->id, str_from(at != NULL ? at + 1 : ""));
    rc = store_wait_durable(s->service->st, a->seq);
    Store__FileUsage reply = STORE__FILE_USAGE__INIT;
    reply.allowed = s->files.allowed;
    reply.files = a->usage.files;
    reply.folders = a->usage.folders;
    reply.bytes = a->usage.bytes;
    reply.limit = s->files.limits.account;
    reply.domain_bytes = a->domain->bytes;
    reply.domain_limit = s->files.limits.domain;
    files_unpin(a);
    session_unpin(s);
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

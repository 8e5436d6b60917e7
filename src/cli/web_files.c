#include "cli/web_files.h"

#include "net/loop.h"
#include "rpc/dir_methods.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { CALL_MS = 15 * 60 * 1000, PAGE = 500 };

int web_target_parse(const char *text, char *address, size_t size, const char **path, struct error *err) {
    const char *at = strchr(text, '@'), *colon = at == NULL ? NULL : strchr(at, ':');
    struct str who = colon == NULL ? str_from(text) : str_of(text, (size_t)(colon - text));
    if (at == NULL || str_to_cstr(who, address, size) != 0)
        return error_set(err, ERR_INVALID, "%.200s: ADDRESS or ADDRESS:PATH is meant", text);
    *path = colon == NULL ? "" : colon + 1;
    return 0;
}

int web_files_open(struct cli *c, const char *address, struct web_files *out) {
    struct error err = {0};
    *out = (struct web_files){0};
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    out->store = cli_connect(c, &store_service);
    out->dir = out->store == NULL ? NULL : cli_connect(c, &dir_service);
    if (out->dir == NULL) {
        web_files_close(out);
        return EX_UNAVAILABLE;
    }
    int rc = mail_login(out->dir, out->store, address, &out->session, &err);
    if (rc == 0) return EX_OK;
    cli_error("%s", err.text);
    web_files_close(out);
    return rc == ERR_NOTFOUND ? EX_NOUSER : cli_exit_status(rc);
}

void web_files_close(struct web_files *w) {
    mail_close(&w->session);
    rpc_client_free(w->dir);
    rpc_client_free(w->store);
    *w = (struct web_files){0};
}

int web_call(const struct mail_session *s, uint16_t method, const ProtobufCMessage *req, struct str attach,
             struct rpc_reply *reply, struct error *err) {
    return rpc_call(s->store, method, req, attach, loop_now_ms() + CALL_MS, reply, err);
}

static char *text(const char *s) {
    return (char *)(uintptr_t)s; /* protobuf-c has no const strings */
}

int web_stat(const struct mail_session *s, const char *path, struct web_info *out, struct error *err) {
    Store__FileName req = STORE__FILE_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = s->number;
    req.path = text(path);
    int rc = web_call(s, STORE_FILE_STAT, &req.base, STR_EMPTY, &reply, err);
    if (rc != 0) return rc;
    const Store__FileInfo *i = (const Store__FileInfo *)reply.msg;
    *out = (struct web_info){i->folder, i->size, i->version, i->modified, ""};
    return str_to_cstr(str_from(i->type), out->type, sizeof out->type);
}

int web_mkdir(const struct mail_session *s, const char *path, bool parents, struct error *err) {
    Store__FileMkdir req = STORE__FILE_MKDIR__INIT;
    req.session = s->number;
    req.path = text(path);
    req.parents = parents;
    return web_call(s, STORE_FILE_MKDIR, &req.base, STR_EMPTY, NULL, err);
}

int web_each(const struct mail_session *s, const char *path,
             int (*each)(void *arg, const Store__FileInfo *info, struct error *err), void *arg, struct error *err) {
    BUF_AUTO after = BUF_INIT(FILE_NAME_MAX + 1);
    int rc = 0;
    for (bool more = true; more && rc == 0;) {
        Store__FileList req = STORE__FILE_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.session = s->number;
        req.path = text(path);
        req.after = text(buf_cstr(&after));
        req.limit = PAGE;
        rc = web_call(s, STORE_FILE_LIST, &req.base, STR_EMPTY, &reply, err);
        if (rc != 0) return rc;
        const Store__FileListed *l = (const Store__FileListed *)reply.msg;
        for (size_t i = 0; i < l->n_entries && rc == 0; i++) rc = each(arg, l->entries[i], err);
        more = l->more && l->n_entries > 0;
        buf_clear(&after);
        if (more) buf_adds(&after, l->entries[l->n_entries - 1]->name);
    }
    return rc;
}

int web_read(const struct mail_session *s, const char *path, const struct web_info *info,
             int (*take)(void *arg, struct str bytes, struct error *err), void *arg, struct error *err) {
    for (uint64_t at = 0; at < info->size;) {
        Store__FileRead req = STORE__FILE_READ__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.session = s->number;
        req.path = text(path);
        req.offset = at;
        req.version = info->version;
        int rc = web_call(s, STORE_FILE_READ, &req.base, STR_EMPTY, &reply, err);
        if (rc == 0 && reply.attach.len == 0) rc = error_set(err, ERR_CORRUPT, "the file cannot be read to its end");
        if (rc == 0) rc = take(arg, reply.attach, err);
        if (rc != 0) return rc;
        at += reply.attach.len;
    }
    return 0;
}

/* --- putting */
static void fill(const struct mail_session *s, const struct web_put *p, Store__FilePut *req) {
    store__file_put__init(req);
    req->session = s->number;
    req->path = text(p->path);
    req->type = text(p->type != NULL ? p->type : "");
    req->modified = p->modified;
    req->replace = p->replace;
    req->parents = p->parents;
}

static int ask(const struct mail_session *s, const struct web_put *p, struct error *err) {
    Store__FilePut req;
    if (!p->sized || p->size <= RPC_INLINE_MAX) return 0;
    fill(s, p, &req);
    req.check = true;
    req.size = p->size;
    return web_call(s, STORE_FILE_PUT, &req.base, STR_EMPTY, NULL, err);
}

/* As much as fits; less only at the end. */
static int read_full(const struct web_put *p, struct buf *b, struct error *err) {
    int rc = 0;
    buf_clear(b);
    for (size_t got = 1; rc == 0 && got > 0 && b->len < RPC_CHUNK_MAX;) {
        char *to = buf_reserve(b, RPC_CHUNK_MAX - b->len);
        if (to == NULL) return error_set(err, ERR_NOMEM, "out of memory");
        rc = p->read(p->arg, to, RPC_CHUNK_MAX - b->len, &got, err);
        if (rc == 0) buf_commit(b, got);
    }
    return rc;
}

static int upload_rest(const struct mail_session *s, const struct web_put *p, struct buf *b, uint64_t *handle,
                       struct error *err) {
    Store__UploadNew req = STORE__UPLOAD_NEW__INIT;
    Store__UploadAppend more = STORE__UPLOAD_APPEND__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.size_hint = p->sized ? p->size : b->len;
    int rc = web_call(s, STORE_UPLOAD_NEW, &req.base, STR_EMPTY, &reply, err);
    if (rc != 0) return rc;
    *handle = more.upload = ((const Store__UploadHandle *)reply.msg)->upload;
    while (rc == 0 && b->len > 0) {
        rc = web_call(s, STORE_UPLOAD_APPEND, &more.base, buf_str(b), NULL, err);
        bool end = b->len < RPC_CHUNK_MAX;
        if (rc == 0 && !end) rc = read_full(p, b, err);
        if (end) break;
    }
    return rc;
}

int web_put(const struct mail_session *s, const struct web_put *p, struct error *err) {
    Store__FilePut req;
    BUF_AUTO b = BUF_INIT(RPC_CHUNK_MAX);
    struct error ignored = {0};
    fill(s, p, &req);
    int rc = ask(s, p, err);
    if (rc == 0) rc = read_full(p, &b, err);
    bool whole = b.len <= RPC_INLINE_MAX;
    if (rc == 0 && !whole) rc = upload_rest(s, p, &b, &req.upload, err);
    if (rc == 0) rc = web_call(s, STORE_FILE_PUT, &req.base, whole ? buf_str(&b) : STR_EMPTY, NULL, err);
    if (rc != 0 && req.upload != 0) {
        Store__UploadDrop drop = STORE__UPLOAD_DROP__INIT;
        drop.upload = req.upload;
        (void)!web_call(s, STORE_UPLOAD_DROP, &drop.base, STR_EMPTY, NULL, &ignored);
    }
    return rc;
}

/* --- names */
int web_join(const char *folder, const char *name, struct buf *out) {
    buf_clear(out);
    buf_adds(out, folder);
    if (out->len > 0 && out->ptr[out->len - 1] != '/') buf_addc(out, '/');
    buf_adds(out, name);
    return out->error;
}

struct str web_name(const char *path) {
    struct str s = str_from(path);
    while (s.len > 0 && s.ptr[s.len - 1] == '/') s = str_sub(s, 0, s.len - 1);
    ptrdiff_t at = str_rfind(s, '/');
    return at < 0 ? s : str_sub(s, (size_t)at + 1, SIZE_MAX);
}

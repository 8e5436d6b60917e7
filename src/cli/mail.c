#include "cli/mail.h"

#include "net/loop.h"
#include "rpc/dir_methods.h"

#include <stdlib.h>

enum { CALL_MS = 5 * 60 * 1000, FOLDER_PAGE = 500 };

static int call(const struct mail_session *s, uint16_t method, const ProtobufCMessage *req, struct rpc_reply *reply,
                struct error *err) {
    return rpc_call(s->store, method, req, STR_EMPTY, loop_now_ms() + CALL_MS, reply, err);
}

int mail_open(struct rpc_client *store, struct str ticket, struct mail_session *out, struct error *err) {
    Store__SessionOpen req = STORE__SESSION_OPEN__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct mail_session s = {.store = store};
    req.ticket = rpc_binary(ticket);
    int rc = call(&s, STORE_SESSION_OPEN, &req.base, &reply, err);
    if (rc != 0) return rc;
    s.number = ((const Store__SessionOpened *)reply.msg)->session;
    s.account = ((const Store__SessionOpened *)reply.msg)->account;
    *out = s;
    return 0;
}

void mail_close(struct mail_session *s) {
    Store__SessionClose req = STORE__SESSION_CLOSE__INIT;
    struct error err = {0};
    req.session = s->number;
    if (s->store != NULL) (void)!call(s, STORE_SESSION_CLOSE, &req.base, NULL, &err);
    *s = (struct mail_session){0};
}

int mail_login(struct rpc_client *dir, struct rpc_client *store, const char *address, struct mail_session *out,
               struct error *err) {
    Dir__UserName name = DIR__USER_NAME__INIT;
    RPC_REPLY_AUTO ticket = {0};
    name.address = (char *)(uintptr_t)address;
    int rc = rpc_call(dir, DIR_SESSION_TICKET, &name.base, STR_EMPTY, loop_now_ms() + CALL_MS, &ticket, err);
    if (rc == 0) rc = mail_open(store, rpc_bytes(((const Dir__AuthReply *)ticket.msg)->ticket), out, err);
    return rc == 0 ? 0 : error_prefix(err, "%.200s", address);
}

/* --- folders */
static Store__Folder *folder_copy(struct arena *arena, const Store__Folder *f) {
    Store__Folder *n = arena_memdup(arena, f, sizeof *f);
    if (n == NULL) return NULL;
    n->name = arena_cstr(arena, str_from(f->name));
    n->special_use = arena_cstr(arena, str_from(f->special_use));
    n->keywords = arena_alloc(arena, (f->n_keywords + 1) * sizeof(char *));
    for (size_t i = 0; i < f->n_keywords && n->keywords != NULL; i++)
        if ((n->keywords[i] = arena_cstr(arena, str_from(f->keywords[i]))) == NULL) return NULL;
    return n->name != NULL && n->special_use != NULL && n->keywords != NULL ? n : NULL;
}

int mail_folders(const struct mail_session *s, struct arena *arena, struct mail_folders *out, struct error *err) {
    struct mail_folders all = {0};
    const char *after = "";
    for (bool more = true; more;) {
        Store__FolderList req = STORE__FOLDER_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.session = s->number;
        req.after = (char *)(uintptr_t)after;
        req.limit = FOLDER_PAGE;
        int rc = call(s, STORE_FOLDER_LIST, &req.base, &reply, err);
        if (rc != 0) return rc;
        const Store__FolderListed *page = (const Store__FolderListed *)reply.msg;
        Store__Folder **list = arena_alloc(arena, (all.count + page->n_folders + 1) * sizeof *list);
        if (list == NULL) return error_set(err, ERR_NOMEM, "too many folders");
        for (size_t i = 0; i < all.count; i++) list[i] = all.list[i];
        all.list = list;
        for (size_t i = 0; i < page->n_folders; i++) {
            if ((list[all.count] = folder_copy(arena, page->folders[i])) == NULL) return ERR_NOMEM;
            after = list[all.count]->name;
            if (list[all.count]->id != 0 && !list[all.count]->others) all.count++; /* 0: only a subscription */
        }
        more = page->more && page->n_folders > 0;
    }
    *out = all;
    return 0;
}

int mail_subscribe(const struct mail_session *s, const char *folder, bool on, struct error *err) {
    Store__FolderSubscribe req = STORE__FOLDER_SUBSCRIBE__INIT;
    req.session = s->number;
    req.name = (char *)(uintptr_t)folder;
    req.on = on;
    return call(s, STORE_FOLDER_SUBSCRIBE, &req.base, NULL, err);
}

/* --- messages */
int mail_read(const struct mail_session *s, uint64_t folder, uint32_t uid, struct buf *out, struct error *err) {
    for (uint64_t at = 0, total = 1; at < total;) {
        Store__MessageRead req = STORE__MESSAGE_READ__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.session = s->number;
        req.folder = folder;
        req.uid = uid;
        req.offset = at;
        int rc = call(s, STORE_MESSAGE_READ, &req.base, &reply, err);
        if (rc != 0) return rc;
        total = ((const Store__MessageReadReply *)reply.msg)->total;
        buf_add(out, reply.attach);
        at += reply.attach.len;
        if (out->error != 0) return error_set(err, out->error, "message UID %u is too large", uid);
        if (reply.attach.len == 0 && at < total)
            return error_set(err, ERR_CORRUPT, "message UID %u cannot be read to its end", uid);
    }
    return 0;
}

#include "imapd/store_call.h"

#include "base/log.h"
#include "imapd/view.h"
#include "net/loop.h"

#include <stdlib.h>

/* The message's field `session` (store.proto: always the first of mailbox requests). */
static void set_session(void *req, uint32_t number) {
    ProtobufCMessage *m = req;
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "session");
    IEMS_ASSERT(f != NULL);
    *(uint32_t *)(void *)((char *)req + f->offset) = number;
}

static bool repeatable(uint16_t method) {
    switch (method) {
    case STORE_ACCOUNT_WATCH:
    case STORE_FOLDER_LIST:
    case STORE_FOLDER_STATUS:
    case STORE_FOLDER_SUBSCRIBE:
    case STORE_FOLDER_OPEN:
    case STORE_FOLDER_CHANGES:
    case STORE_MESSAGE_LIST:
    case STORE_MESSAGE_READ:
    case STORE_METADATA_GET:
    case STORE_SEARCH_CANDIDATES:
    case STORE_QUOTA_GET: return true;
    default: return false;
    }
}

/* The mailbox may be gone, or have been made anew under its name; the client must then be told to select again. */
static int reopen_view(struct session *s, struct error *err) {
    Store__FolderOpen req = STORE__FOLDER_OPEN__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = s->store_number;
    req.id = s->view->folder;
    req.name = s->view->name;
    req.watch = true;
    int rc =
        rpc_call(s->imapd->store, STORE_FOLDER_OPEN, &req.base, STR_EMPTY, loop_now_ms() + SESSION_RPC_MS, &reply, err);
    if (rc != 0) return rc;
    const Store__FolderOpened *o = (const Store__FolderOpened *)reply.msg;
    if (o->folder == NULL || o->folder->id != s->view->folder || o->folder->uidvalidity != s->view->uidvalidity)
        return error_set(err, ERR_NOTFOUND, "the selected mailbox is no longer there");
    view_note_change(s->view, o->folder->highestmodseq);
    return 0;
}

static int open_session(struct session *s, struct error *err) {
    struct imapd *im = s->imapd;
    Store__SessionOpen req = STORE__SESSION_OPEN__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.ticket = rpc_binary(str_of(s->ticket, s->ticket_len));
    int rc = rpc_call(im->store, STORE_SESSION_OPEN, &req.base, STR_EMPTY, loop_now_ms() + SESSION_RPC_MS, &reply, err);
    if (rc == ERR_DENIED) {
        session_bye(s, "[EXPIRED] Please log in again");
        s->closing = true;
    }
    if (rc != 0) return rc;
    uint64_t generation = im->store_generation;
    uint64_t number = ((const Store__SessionOpened *)reply.msg)->session;
    rc = map_put(im->store_sessions, map_u64_key(&number), s, NULL);
    if (rc != 0) return rc;
    s->store_number = (uint32_t)number;
    s->store_generation = generation;
    if (s->view == NULL) return 0;
    im->count.resyncs++;
    rc = reopen_view(s, err);
    if (rc == ERR_NOTFOUND) { /* RFC 9051 section 7.1.5: better to end than to show what is not there */
        session_bye(s, "[UNAVAILABLE] The selected mailbox was deleted");
        s->closing = true;
    }
    return rc;
}

static bool is_open(const struct session *s) {
    return s->store_number != 0 && s->store_generation == s->imapd->store_generation;
}

int session_store_open(struct session *s, struct error *err) {
    while (s->opening) {
        int rc = cond_wait(&s->opened, loop_now_ms() + SESSION_RPC_MS);
        if (rc != 0) return rc;
    }
    if (is_open(s)) return 0;
    s->opening = true;
    s->store_number = 0;
    int rc = open_session(s, err);
    s->opening = false;
    cond_broadcast(&s->opened);
    if (rc != 0) log_event(LOG_INFO, s->id, "store_session_failed", "error=\"%s\"", err_name(rc));
    return rc;
}

int session_call_within(struct session *s, uint16_t method, void *req, struct str attach, uint64_t ms,
                        struct rpc_reply *reply, struct error *err) {
    for (int attempt = 0;; attempt++) {
        int rc = session_store_open(s, err);
        if (rc == 0) {
            set_session(req, s->store_number);
            rc = rpc_call(s->imapd->store, method, req, attach, loop_now_ms() + ms, reply, err);
        }
        if (rc != ERR_IO || attempt > 0 || !repeatable(method)) return rc;
    }
}

int session_call(struct session *s, uint16_t method, void *req, struct str attach, struct rpc_reply *reply,
                 struct error *err) {
    return session_call_within(s, method, req, attach, SESSION_RPC_MS, reply, err);
}

static void close_later(void *arg) {
    struct imapd *im = ((void **)arg)[0];
    Store__SessionClose req = STORE__SESSION_CLOSE__INIT;
    req.session = (uint32_t)(uintptr_t)((void **)arg)[1];
    free(arg);
    (void)!rpc_call(im->store, STORE_SESSION_CLOSE, &req.base, STR_EMPTY, loop_now_ms() + SESSION_RPC_MS, NULL, NULL);
}

void session_store_close(struct session *s) {
    session_drop_view(s);
    if (!is_open(s)) return;
    uint64_t number = s->store_number;
    s->store_number = 0;
    (void)map_remove(s->imapd->store_sessions, map_u64_key(&number));
    void **arg = malloc(2 * sizeof *arg);
    if (arg == NULL) return;
    arg[0] = s->imapd;
    arg[1] = (void *)(uintptr_t)number;
    if (fiber_spawn("imap-close", close_later, arg, NULL) != 0) free(arg);
}

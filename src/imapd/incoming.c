#include "imapd/incoming.h"

#include "base/clock.h"
#include "imapd/store_call.h"
#include "net/loop.h"

enum { UPLOAD_PIECE = 512 * 1024, CONVERTED_MAX = 4 * 1024 * 1024 };

struct incoming *incoming_new(struct session *s) {
    struct incoming *m = arena_alloc(session_arena(s), sizeof *m);
    if (m == NULL) return NULL;
    m->s = s;
    m->date = clock_wall_s();
    buf_init(&m->piece, UPLOAD_PIECE + RPC_CHUNK_MAX);
    buf_init(&m->summary, SUMMARY_MAX);
    m->builder = summary_builder_new();
    return m->builder == NULL ? NULL : m;
}

static int upload_call(struct incoming *m, uint16_t method, void *req, struct str attach, struct rpc_reply *reply) {
    return rpc_call(m->s->imapd->store, method, req, attach, loop_now_ms() + SESSION_RPC_MS, reply, &m->detail);
}

static int send_piece(struct incoming *m) {
    if (m->upload == 0) {
        Store__UploadNew req = STORE__UPLOAD_NEW__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.size_hint = m->size;
        int err = upload_call(m, STORE_UPLOAD_NEW, &req, STR_EMPTY, &reply);
        if (err != 0) return err;
        m->upload = ((const Store__UploadHandle *)reply.msg)->upload;
    }
    Store__UploadAppend req = STORE__UPLOAD_APPEND__INIT;
    req.upload = m->upload;
    for (struct str rest = buf_str(&m->piece); rest.len > 0;) {
        struct str part = str_sub(rest, 0, RPC_CHUNK_MAX);
        int err = upload_call(m, STORE_UPLOAD_APPEND, &req, part, NULL);
        if (err != 0) return err;
        rest = str_sub(rest, part.len, SIZE_MAX);
    }
    buf_clear(&m->piece);
    return 0;
}

static void take(struct incoming *m, struct str bytes) {
    m->size += bytes.len;
    if (m->err != 0) return;
    summary_builder_feed(m->builder, bytes);
    buf_add(&m->piece, bytes);
    m->err = m->piece.error;
    if (m->err == 0 && m->piece.len >= UPLOAD_PIECE) m->err = send_piece(m);
}

void incoming_begin_literal8(struct incoming *m) {
    m->unbinary = unbinary_new();
    if (m->unbinary == NULL && m->err == 0) m->err = ERR_NOMEM;
}

void incoming_feed(struct incoming *m, struct str bytes) {
    if (m->unbinary == NULL) {
        take(m, bytes);
        return;
    }
    BUF_AUTO out = BUF_INIT(CONVERTED_MAX);
    int err = unbinary_feed(m->unbinary, bytes, &out);
    if (m->err == 0) m->err = err;
    take(m, buf_str(&out));
}

void incoming_end_literal(struct incoming *m) {
    if (m->unbinary == NULL) return;
    BUF_AUTO out = BUF_INIT(CONVERTED_MAX);
    int err = unbinary_finish(m->unbinary, &out);
    if (m->err == 0) m->err = err;
    take(m, buf_str(&out));
    unbinary_free(m->unbinary);
    m->unbinary = NULL;
}

int incoming_finish(struct incoming *m, bool away) {
    if (m->err == 0) m->err = summary_builder_finish(m->builder, &m->summary);
    summary_builder_free(m->builder);
    m->builder = NULL;
    if (m->err == 0 && m->piece.len > 0 && (away || m->size > RPC_INLINE_MAX)) m->err = send_piece(m);
    if (m->upload != 0) buf_done(&m->piece);
    return m->err;
}

void incoming_free(struct incoming *m) {
    for (; m != NULL; m = m->next) {
        if (m->upload != 0) {
            Store__UploadDrop req = STORE__UPLOAD_DROP__INIT;
            req.upload = m->upload;
            (void)!upload_call(m, STORE_UPLOAD_DROP, &req, STR_EMPTY, NULL);
        }
        unbinary_free(m->unbinary);
        summary_builder_free(m->builder);
        buf_done(&m->piece);
        buf_done(&m->summary);
    }
}

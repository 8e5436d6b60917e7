/* APPEND (RFC 9051 section 6.3.12, RFC 4315 APPENDUID, RFC 7889, RFC 6855 UTF8). The message streams to the store while
 * its summary is made; small ones travel in one call. */
#include "imapd/command.h"
#include "imapd/store_call.h"
#include "imapd/sync.h"
#include "net/loop.h"
#include "proto/mime/summary.h"

#include "base/clock.h"

#include <stdio.h>

enum { CODE_BYTES = 64, UPLOAD_PIECE = 512 * 1024 };

struct append {
    struct session *s;
    struct cmd c;
    struct str mailbox;
    struct imap_flags flags;
    int64_t date;
    bool utf8; /* came as UTF8 (~{n}) */
    uint64_t size, left;
    bool invited; /* the client may send */
    struct summary_builder *builder;
    struct buf piece, summary; /* piece: the whole message, or what waits for an upload call */
    uint64_t upload;           /* 0 = none */
    int err;                   /* the first failure; the literal is read to its end all the same */
    struct error detail;
};

/* SP mailbox [SP flag-list] [SP date-time] SP [~{ or "UTF8" SP "(" ~{] */
static bool take_head(struct append *x, struct imap_args *a) {
    if (!imap_args_space(a) || !imap_args_mailbox(a, &x->mailbox) || !imap_args_space(a)) return false;
    if (imap_args_peek_char(a, '(') && (!imap_args_flag_list(a, &x->flags) || !imap_args_space(a))) return false;
    if (imap_args_peek_char(a, '"') && (!imap_args_datetime(a, &x->date) || !imap_args_space(a))) return false;
    if (!imap_args_word(a, "UTF8")) return imap_args_end(a);
    x->utf8 = true;
    return imap_args_space(a) && imap_args_char(a, '(') && a->rest.len == 0 && x->s->utf8 &&
           x->s->reader.message_binary;
}

static bool take_command(struct append *x, struct imap_args *a) {
    struct str name;
    return imap_args_tag(a, &x->c.tag) && imap_args_space(a) && imap_args_atom(a, &name) && take_head(x, a);
}

/* The mailbox must exist before the client sends megabytes. Returns 0, or the failure to be told. */
static int check_mailbox(struct append *x) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    req.name = arena_cstr(session_arena(x->s), x->mailbox);
    if (req.name == NULL) return ERR_NOMEM;
    return session_call(x->s, STORE_FOLDER_STATUS, &req, STR_EMPTY, NULL, &x->detail);
}

static int refuse(struct append *x, int err) {
    if (err == ERR_NOTFOUND) return cmd_no(&x->c, "TRYCREATE", "No such mailbox");
    return cmd_fail(&x->c, err, &x->detail);
}

static int upload_call(struct append *x, uint16_t method, void *req, struct str attach, struct rpc_reply *reply) {
    return rpc_call(x->s->imapd->store, method, req, attach, loop_now_ms() + SESSION_RPC_MS, reply, &x->detail);
}

static int send_piece(struct append *x) {
    if (x->upload == 0) {
        Store__UploadNew req = STORE__UPLOAD_NEW__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.size_hint = x->size;
        int err = upload_call(x, STORE_UPLOAD_NEW, &req, STR_EMPTY, &reply);
        if (err != 0) return err;
        x->upload = ((const Store__UploadHandle *)reply.msg)->upload;
    }
    Store__UploadAppend req = STORE__UPLOAD_APPEND__INIT;
    req.upload = x->upload;
    int err = upload_call(x, STORE_UPLOAD_APPEND, &req, buf_str(&x->piece), NULL);
    buf_clear(&x->piece);
    return err;
}

static int take_bytes(struct append *x, struct str bytes) {
    summary_builder_feed(x->builder, bytes);
    buf_add(&x->piece, bytes);
    if (x->piece.error != 0) return x->piece.error;
    return x->size > RPC_INLINE_MAX && x->piece.len >= UPLOAD_PIECE ? send_piece(x) : 0;
}

/* Reads the literal to its end. Returns why the session ends, or 0. */
static int read_literal(struct append *x) {
    struct session *s = x->s;
    while (x->left > 0) {
        struct str in = stream_peek(s->stream);
        if (in.len == 0) {
            int err = session_wait_input(s, session_deadline(s));
            if (err != 0) return err;
            continue;
        }
        if (in.len > x->left) in.len = (size_t)x->left;
        if (x->err == 0) x->err = take_bytes(x, in);
        x->left -= in.len;
        stream_consume(s->stream, in.len);
    }
    return 0;
}

static int store_message(struct append *x, Store__MessageAppended *done) {
    char *names[IMAP_KEYWORDS_MAX];
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    RPC_REPLY_AUTO reply = {0};
    for (size_t i = 0; i < x->flags.keywords; i++) {
        names[i] = arena_cstr(session_arena(x->s), x->flags.keyword[i]);
        if (names[i] == NULL) return ERR_NOMEM;
    }
    req.folder = arena_cstr(session_arena(x->s), x->mailbox);
    if (req.folder == NULL) return ERR_NOMEM;
    int err = summary_builder_finish(x->builder, &x->summary);
    if (err == 0 && x->upload != 0 && x->piece.len > 0) err = send_piece(x);
    if (err != 0) return err;
    req.flags = x->flags.system;
    req.keywords = names;
    req.n_keywords = x->flags.keywords;
    req.internal_date = x->date;
    req.upload = x->upload;
    req.summary = rpc_binary(buf_str(&x->summary));
    req.size = x->size;
    err = session_call(x->s, STORE_MESSAGE_APPEND, &req, x->upload == 0 ? buf_str(&x->piece) : STR_EMPTY, &reply,
                       &x->detail);
    if (err != 0) return err;
    x->upload = 0;
    *done = *(const Store__MessageAppended *)reply.msg;
    return 0;
}

/* What follows the literal: nothing, or ")" after UTF8 (. More messages (RFC 3502) are not taken. */
static int read_tail(struct append *x, bool *good) {
    enum imap_parse result;
    struct session *s = x->s;
    imap_reader_resume(&s->reader);
    int err = session_next_event(s, session_deadline(s), &result);
    if (err != 0) return err;
    if (result == IMAP_EVENT && s->reader.event == IMAP_EVENT_MESSAGE)
        imap_reader_discard(&s->reader, s->reader.message_size, false);
    *good = result == IMAP_EVENT && s->reader.event == IMAP_EVENT_COMMAND &&
            str_eq(buf_str(&s->reader.text), x->utf8 ? STR(")") : STR_EMPTY);
    return 0;
}

static void finish(struct append *x, bool good) {
    char code[CODE_BYTES];
    Store__MessageAppended done;
    if (!good) {
        (void)cmd_bad(&x->c, "One message and the end of the line must follow");
        return;
    }
    if (x->err == 0) x->err = store_message(x, &done);
    if (x->err != 0) {
        (void)refuse(x, x->err);
        return;
    }
    x->s->appended++;
    x->s->imapd->count.appended++;
    if (x->s->view != NULL && x->s->view->folder == done.folder) (void)sync_view(x->s, SYNC_ASK | SYNC_EXPUNGE);
    (void)snprintf(code, sizeof code, "APPENDUID %u %u", done.uidvalidity, done.uid);
    (void)cmd_ok(&x->c, code, "APPEND completed");
}

static void receive(struct append *x) {
    struct session *s = x->s;
    bool good = false;
    buf_init(&x->piece, x->size > RPC_INLINE_MAX ? UPLOAD_PIECE + STREAM_IN_MAX : RPC_INLINE_MAX);
    buf_init(&x->summary, SUMMARY_MAX);
    x->builder = summary_builder_new();
    if (x->builder == NULL) x->err = ERR_NOMEM;
    if (s->reader.message_sync) session_puts(s, "+ OK\r\n");
    int err = read_literal(x);
    if (err == 0) err = read_tail(x, &good);
    if (err == 0) finish(x, good);
    if (x->upload != 0) {
        Store__UploadDrop req = STORE__UPLOAD_DROP__INIT;
        req.upload = x->upload;
        (void)!upload_call(x, STORE_UPLOAD_DROP, &req, STR_EMPTY, NULL);
    }
    summary_builder_free(x->builder);
    buf_done(&x->piece);
    buf_done(&x->summary);
}

/* Copies that outlive the reader's text. */
static bool keep(struct append *x, struct arena *arena) {
    x->c.tag = arena_str(arena, x->c.tag);
    x->mailbox = arena_str(arena, x->mailbox);
    bool ok = x->c.tag.ptr != NULL && x->mailbox.ptr != NULL;
    for (size_t i = 0; i < x->flags.keywords; i++) {
        x->flags.keyword[i] = arena_str(arena, x->flags.keyword[i]);
        ok = ok && x->flags.keyword[i].ptr != NULL;
    }
    return ok;
}

void command_append(struct session *s) {
    static const struct command def = {.name = "APPEND"};
    struct arena *arena = session_arena(s);
    struct imap_args args = {.rest = buf_str(&s->reader.text), .arena = arena, .utf8 = s->utf8};
    struct append x = {.s = s, .c = {.s = s, .def = &def, .args = &args, .tag = STR("*")}, .date = clock_wall_s()};
    x.size = x.left = s->reader.message_size;
    s->commands++;
    s->imapd->count.commands++;
    bool understood = arena != NULL && take_command(&x, &args) && keep(&x, arena);
    int err = 0;
    if (!understood)
        (void)cmd_bad_args(&x.c);
    else if (s->state == STATE_NOT_AUTHENTICATED)
        (void)cmd_bad(&x.c, "Please log in first");
    else if (x.size > s->imapd->config.append_limit)
        (void)cmd_no(&x.c, "TOOBIG", "The message is larger than this server takes");
    else if (x.size > RPC_INLINE_MAX && (err = check_mailbox(&x)) != 0)
        (void)refuse(&x, err);
    else {
        receive(&x);
        return;
    }
    imap_reader_discard(&s->reader, s->reader.message_size, false);
}

int cmd_append(struct cmd *c) {
    return cmd_bad(c, "APPEND needs a message");
}

/* APPEND (RFC 9051 section 6.3.12, RFC 4315 APPENDUID, RFC 7889, RFC 6855 UTF8, RFC 3516 literal8), of several messages
 * at once (RFC 3502), and REPLACE (RFC 8508). All messages are appended by one call to the store, or none. */
#include "imapd/append.h"
#include "imapd/store_call.h"
#include "imapd/sync.h"

#include <stdio.h>

enum {
    CODE_BYTES = 64,
    MESSAGES_MAX = 4000,
    UPLOADS_PER_COMMAND = 64,
    HELD_MAX = 512 * 1024,                      /* of messages that are not uploaded */
    SUMMARIES_MAX = 2 * SUMMARY_MAX - HELD_MAX, /* leaves room in a frame */
};

bool append_syntax(struct append *x) {
    x->fault = APPEND_SYNTAX;
    return false;
}

static bool append_bad(struct append *x, const char *text) {
    x->fault = APPEND_SYNTAX;
    x->text = text;
    return false;
}

bool append_refuse(struct append *x, const char *code, const char *text) {
    x->fault = APPEND_REFUSED;
    x->code = code;
    x->text = text;
    return false;
}

bool append_fail(struct append *x, int err, const struct error *detail) {
    x->fault = APPEND_REFUSED;
    x->err = err;
    if (detail != NULL) x->detail = *detail;
    return false;
}

/* Segments are copied: the reader forgets them when it goes on. */
static bool take_segment(struct append *x) {
    struct str text = arena_str(session_arena(x->s), buf_str(&x->s->reader.text));
    if (text.ptr == NULL) return append_fail(x, ERR_NOMEM, NULL);
    x->args.rest = text;
    x->literal = x->s->reader.event == IMAP_EVENT_MESSAGE;
    return true;
}

static bool next_segment(struct append *x) {
    enum imap_parse result;
    imap_reader_resume(&x->s->reader);
    x->literal = false;
    int err = session_next_event(x->s, session_deadline(x->s), &result);
    if (err != 0) {
        x->fault = APPEND_LOST;
        return false;
    }
    return result == IMAP_EVENT ? take_segment(x) : append_syntax(x);
}

/* The mailbox must exist before the client sends megabytes. */
bool append_check_mailbox(struct append *x) {
    if (x->checked) return true;
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    struct error detail = {0};
    req.name = arena_cstr(session_arena(x->s), x->mailbox);
    int err = req.name == NULL ? ERR_NOMEM : session_call(x->s, STORE_FOLDER_STATUS, &req, STR_EMPTY, NULL, &detail);
    x->checked = err == 0;
    return err == 0 || append_fail(x, err, &detail);
}

static bool may_send(struct append *x, const struct incoming *m, const struct buf *text) {
    uint64_t size = x->s->reader.message_size;
    if (m == NULL) return size <= text->max - text->len || append_refuse(x, "TOOBIG", "The URL is too long");
    if (m->size + size > x->s->imapd->config.append_limit)
        return append_refuse(x, "TOOBIG", "The message is larger than this server takes");
    return size <= RPC_INLINE_MAX || append_check_mailbox(x);
}

bool append_read_literal(struct append *x, struct incoming *m, struct buf *text) {
    struct session *s = x->s;
    if (!x->literal || x->args.rest.len > 0) return append_syntax(x);
    if (!may_send(x, m, text)) return false;
    if (s->reader.message_sync) session_puts(s, "+ OK\r\n");
    if (m != NULL && s->reader.message_binary) incoming_begin_literal8(m);
    for (uint64_t left = s->reader.message_size; left > 0;) {
        struct str in = stream_peek(s->stream);
        if (in.len == 0) {
            if (session_wait_input(s, session_deadline(s)) == 0) continue;
            x->fault = APPEND_LOST;
            x->literal = false;
            return false;
        }
        if (in.len > left) in.len = (size_t)left;
        if (m != NULL)
            incoming_feed(m, in);
        else
            buf_add(text, in);
        left -= in.len;
        stream_consume(s->stream, in.len);
    }
    if (m != NULL) incoming_end_literal(m);
    return next_segment(x);
}

bool append_utf8(struct append *x, struct incoming *m) {
    if (!imap_args_space(&x->args) || !imap_args_char(&x->args, '(') || !x->s->utf8 || !x->literal ||
        !x->s->reader.message_binary)
        return append_syntax(x);
    return append_read_literal(x, m, NULL) && (imap_args_char(&x->args, ')') || append_syntax(x));
}

/* SP [flag-list SP] [date-time SP] append-data */
static bool take_message(struct append *x, struct incoming *m) {
    struct imap_args *a = &x->args;
    if (!imap_args_space(a)) return append_syntax(x);
    if (imap_args_peek_char(a, '(') && (!imap_args_flag_list(a, &m->flags) || !imap_args_space(a)))
        return append_syntax(x);
    if (m->flags.unknown) return append_bad(x, "No such system flag"); /* \Recent is no flag to set, but is sent */
    if (imap_args_peek_char(a, '"') && (!imap_args_datetime(a, &m->date) || !imap_args_space(a)))
        return append_syntax(x);
    if (imap_args_word(a, "UTF8")) return append_utf8(x, m);
    if (imap_args_word(a, "CATENATE")) return imap_args_space(a) ? append_catenate(x, m) : append_syntax(x);
    return append_read_literal(x, m, NULL);
}

static bool add_message(struct append *x) {
    struct incoming *m = incoming_new(x->s);
    if (m == NULL) return append_fail(x, ERR_NOMEM, NULL);
    if (x->last != NULL)
        x->last->next = m;
    else
        x->first = m;
    x->last = m;
    if (!limit_allows(x->s, (uint32_t)x->count + 1, &x->limit))
        return append_refuse(x, x->limit.code, "Too many messages for one command");
    if (++x->count > MESSAGES_MAX) return append_refuse(x, "LIMIT", "Too many messages for one command");
    if (!take_message(x, m)) return false;
    if (m->size == 0) return append_refuse(x, "CANNOT", "An empty message is no message"); /* RFC 3502 section 6.3.11 */
    bool away = x->held + m->size > HELD_MAX && x->count > 1;
    int err = incoming_finish(m, away);
    if (err != 0) return append_fail(x, err, &m->detail);
    if (m->upload == 0) x->held += (size_t)m->size;
    if (m->upload != 0 && ++x->uploads > UPLOADS_PER_COMMAND)
        return append_refuse(x, "LIMIT", "Too many large messages for one command");
    return true;
}

static bool take_messages(struct append *x) {
    size_t summaries = 0;
    do {
        if (!add_message(x)) return false;
        summaries += x->last->summary.len;
        if (x->count > 1 && summaries > SUMMARIES_MAX)
            return append_refuse(x, "LIMIT", "Too many messages for one command");
        if (x->replace_uid != 0) break;
    } while (x->literal || x->args.rest.len > 0);
    return (!x->literal && imap_args_end(&x->args)) || append_syntax(x);
}

/* --- the call */
static bool fill_item(struct append *x, const struct incoming *m, Store__AppendItem *out) {
    struct arena *arena = session_arena(x->s);
    store__append_item__init(out);
    out->keywords = arena_alloc(arena, (m->flags.keywords + 1) * sizeof(char *));
    if (out->keywords == NULL) return false;
    for (size_t i = 0; i < m->flags.keywords; i++)
        if ((out->keywords[out->n_keywords++] = arena_cstr(arena, m->flags.keyword[i])) == NULL) return false;
    out->flags = m->flags.system;
    out->internal_date = m->date;
    out->upload = m->upload;
    out->summary = rpc_binary(buf_str(&m->summary));
    out->size = m->size;
    return true;
}

static bool fill_request(struct append *x, Store__MessageAppend *req, struct buf *bodies) {
    struct arena *arena = session_arena(x->s);
    Store__AppendItem *items = arena_alloc(arena, x->count * sizeof *items);
    Store__AppendItem **more = arena_alloc(arena, x->count * sizeof *more);
    req->folder = arena_cstr(arena, x->mailbox);
    if (items == NULL || more == NULL || req->folder == NULL) return false;
    size_t i = 0;
    for (const struct incoming *m = x->first; m != NULL; m = m->next, i++) {
        if (!fill_item(x, m, &items[i])) return false;
        if (x->count > 1 && m->upload == 0) buf_add(bodies, buf_str(&m->piece));
        if (i > 0) more[i - 1] = &items[i];
    }
    req->flags = items[0].flags;
    req->keywords = items[0].keywords;
    req->n_keywords = items[0].n_keywords;
    req->internal_date = items[0].internal_date;
    req->upload = items[0].upload;
    req->summary = items[0].summary;
    req->size = items[0].size;
    req->more = more;
    req->n_more = x->count - 1;
    if (x->replace_uid != 0) {
        req->replace_folder = x->s->view->folder;
        req->replace_uid = x->replace_uid;
    }
    return bodies->error == 0;
}

static bool store_messages(struct append *x, Store__MessageAppended *done) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error detail = {0};
    BUF_AUTO bodies = BUF_INIT(HELD_MAX + RPC_INLINE_MAX);
    if (!fill_request(x, &req, &bodies)) return append_fail(x, ERR_NOMEM, NULL);
    struct str attach = x->count > 1 ? buf_str(&bodies) : buf_str(&x->first->piece);
    int err = session_call(x->s, STORE_MESSAGE_APPEND, &req, attach, &reply, &detail);
    if (err != ERR_IO && err != ERR_TIMEOUT) /* the store has taken them over, or given them up */
        for (struct incoming *m = x->first; m != NULL; m = m->next) m->upload = 0;
    if (err != 0) return append_fail(x, err, &detail);
    *done = *(const Store__MessageAppended *)reply.msg;
    return true;
}

static void finish(struct append *x, const Store__MessageAppended *done) {
    char code[CODE_BYTES];
    struct session *s = x->s;
    s->appended += x->count;
    s->imapd->count.appended += x->count;
    if (x->count > 1)
        (void)snprintf(code, sizeof code, "APPENDUID %u %u:%u", done->uidvalidity, done->uid, done->uid + x->count - 1);
    else
        (void)snprintf(code, sizeof code, "APPENDUID %u %u", done->uidvalidity, done->uid);
    bool may_tell = done->uidvalidity != 0; /* RFC 9051 section 6.3.12: else it may not read there */
    if (x->replace_uid != 0 && may_tell)    /* RFC 8508 section 3.3 */
        session_printf(s, "* OK [%s] Replacement message is ready\r\n", code);
    if (s->view != NULL && (s->view->folder == done->folder || x->replace_uid != 0))
        (void)sync_view(s, SYNC_ASK | SYNC_EXPUNGE);
    (void)(x->replace_uid != 0 ? cmd_done(&x->c) : cmd_ok(&x->c, may_tell ? code : NULL, "APPEND completed"));
}

/* --- the command */
static bool take_replaced(struct append *x) {
    struct imap_set set;
    struct imap_runs uids = {0};
    if (!imap_args_space(&x->args) || !imap_args_set(&x->args, &set)) return append_syntax(x);
    if (x->s->view == NULL) return append_bad(x, "No mailbox is selected");
    int err = view_resolve(x->s->view, &set, x->c.uid, &uids);
    if (err == 0 && imap_runs_total(&uids) == 1) x->replace_uid = imap_runs_last(&uids);
    imap_runs_done(&uids);
    if (err == ERR_NOMEM) return append_fail(x, err, NULL);
    if (x->s->view->read_only) return append_refuse(x, "CANNOT", "The mailbox is selected read-only");
    if (x->replace_uid != 0) return true;
    if (x->c.uid) return append_refuse(x, "NONEXISTENT", "There is no such message");
    return append_bad(x, "One message is replaced, and it must be there");
}

static bool take_head(struct append *x) {
    struct imap_args *a = &x->args;
    struct str name;
    if (!imap_args_tag(a, &x->c.tag)) return append_syntax(x);
    if (!imap_args_space(a) || !imap_args_atom(a, &name)) return append_syntax(x);
    x->c.uid = str_eq_nocase(name, STR("UID"));
    if (x->c.uid && (!imap_args_space(a) || !imap_args_atom(a, &name))) return append_syntax(x);
    bool replace = str_eq_nocase(name, STR("REPLACE"));
    x->c.def = command_find(replace ? name : STR("APPEND"));
    if (x->s->state == STATE_NOT_AUTHENTICATED) return append_bad(x, "Please log in first");
    if (replace && x->s->uidonly && !x->c.uid)
        return append_bad(x, "[UIDREQUIRED] Message numbers are not used in this session");
    if (replace && !take_replaced(x)) return false;
    return (imap_args_space(a) && imap_args_mailbox(a, &x->mailbox)) || append_syntax(x);
}

static void tell_fault(struct append *x) {
    struct session *s = x->s;
    if (x->literal) imap_reader_discard(&s->reader, s->reader.message_size, false);
    if (x->fault == APPEND_LOST) return;
    if (x->fault == APPEND_SYNTAX)
        (void)(x->text != NULL ? cmd_bad(&x->c, x->text) : cmd_bad_args(&x->c));
    else if (x->text != NULL)
        (void)cmd_no(&x->c, x->code, x->text);
    else if (x->err == ERR_NOTFOUND)
        (void)cmd_no(&x->c, "TRYCREATE", "No such mailbox");
    else if (x->err == ERR_CONFLICT)
        (void)cmd_no(&x->c, "EXPUNGEISSUED", "The message to replace no longer exists");
    else
        (void)cmd_fail(&x->c, x->err, &x->detail);
}

static void run_append(struct session *s) {
    struct arena *arena = session_arena(s);
    struct append x = {.s = s, .c = {.s = s, .def = command_find(STR("APPEND")), .args = &x.args, .tag = STR("*")}};
    Store__MessageAppended done = STORE__MESSAGE_APPENDED__INIT;
    x.args = (struct imap_args){.arena = arena, .utf8 = s->utf8};
    if (arena == NULL) {
        session_bye(s, "[UNAVAILABLE] Out of memory");
        s->closing = true;
        return;
    }
    if (take_segment(&x) && take_head(&x) && take_messages(&x) && store_messages(&x, &done))
        finish(&x, &done);
    else
        tell_fault(&x);
    incoming_free(x.first);
}

void command_append(struct session *s) {
    s->commands++;
    s->imapd->count.commands++;
    run_append(s);
}

/* Without a literal: only CATENATE of URLs. The text that the reader holds is taken again, from the tag on. */
int cmd_append(struct cmd *c) {
    run_append(c->s);
    return 0;
}

int cmd_replace(struct cmd *c) {
    run_append(c->s);
    return 0;
}

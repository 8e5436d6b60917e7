#include "imapd/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "imapd/command.h"
#include "imapd/metadata.h"
#include "imapd/notify.h"
#include "imapd/store_call.h"
#include "imapd/view.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

enum {
    TRIM_AFTER_MS = 1000, /* idle time after which memory is given back */
    TLS_HANDSHAKE_MS = 30 * 1000,
    BYE_MS = 5 * 1000,
};

static const struct imap_reader_limits before_login = {SESSION_LINE_MAX_BEFORE_LOGIN,
                                                       SESSION_LITERALS_MAX_BEFORE_LOGIN};
static const struct imap_reader_limits after_login = {SESSION_LINE_MAX, SESSION_LITERALS_MAX};

struct arena *session_arena(struct session *s) {
    if (s->arena == NULL) s->arena = arena_new(SESSION_ARENA_MAX);
    return s->arena;
}

uint64_t session_deadline(const struct session *s) {
    const struct imapd_config *c = &s->imapd->config;
    return loop_now_ms() + (s->state == STATE_NOT_AUTHENTICATED ? c->login_timeout_ms : c->autologout_ms);
}

static void release_memory(struct session *s) {
    arena_free(s->arena);
    s->arena = NULL;
    if (imap_reader_idle(&s->reader)) imap_reader_done(&s->reader);
    view_release_memory(s->view);
    fiber_trim_stack();
}

int session_wait_input(struct session *s, uint64_t deadline_ms) {
    int err = stream_flush(s->stream);
    if (err != 0) return err;
    uint64_t soon = loop_now_ms() + TRIM_AFTER_MS;
    if (soon < deadline_ms) {
        err = stream_wait_input(s->stream, NULL, soon);
        if (err == ERR_TIMEOUT) {
            if (imap_reader_idle(&s->reader)) release_memory(s);
            err = stream_wait_input(s->stream, NULL, deadline_ms);
        }
    } else {
        err = stream_wait_input(s->stream, NULL, deadline_ms);
    }
    return err != 0 ? err : stream_fill(s->stream, deadline_ms);
}

int session_next_event(struct session *s, uint64_t deadline_ms, enum imap_parse *result) {
    for (;;) {
        struct str in = stream_peek(s->stream);
        if (in.len == 0) {
            int err = session_wait_input(s, deadline_ms);
            if (err != 0) return err;
            continue;
        }
        size_t used = 0;
        enum imap_parse r = imap_reader_feed(&s->reader, in, &used);
        stream_consume(s->stream, used);
        if (r == IMAP_MORE) continue;
        if (r == IMAP_EVENT && s->reader.event == IMAP_EVENT_CONTINUE) {
            session_puts(s, "+ OK\r\n");
            continue;
        }
        *result = r;
        return 0;
    }
}

int session_read_line(struct session *s, struct buf *line, uint64_t deadline_ms) {
    buf_clear(line);
    for (;;) {
        struct str in = stream_peek(s->stream);
        ptrdiff_t nl = str_find(in, '\n');
        size_t n = nl == STR_NPOS ? in.len : (size_t)nl + 1;
        buf_add(line, str_sub(in, 0, n));
        stream_consume(s->stream, n);
        if (line->error != 0) return ERR_LIMIT;
        if (str_ends(buf_str(line), STR("\r\n"))) {
            buf_truncate(line, line->len - 2);
            return 0;
        }
        if (nl != STR_NPOS) continue;
        int err = session_wait_input(s, deadline_ms);
        if (err != 0) return err;
    }
}

int session_login(struct session *s, const char *address, uint64_t account, struct str ticket) {
    int err = imapd_user_enter(s->imapd, str_from(address));
    if (err != 0) return err;
    s->address = str_dup(str_from(address));
    s->ticket = malloc(ticket.len + 1);
    if (s->address == NULL || s->ticket == NULL) {
        imapd_user_leave(s->imapd, str_from(address));
        free(s->address);
        free(s->ticket);
        s->address = s->ticket = NULL;
        return ERR_NOMEM;
    }
    memcpy(s->ticket, ticket.ptr, ticket.len);
    s->ticket_len = ticket.len;
    s->account = account;
    s->state = STATE_AUTHENTICATED;
    net_addr_ip_text(stream_peer(s->stream), s->peer);
    s->roster.id = s->id;
    s->roster.user = s->address;
    s->roster.peer = s->peer;
    roster_enter(&s->imapd->roster, &s->roster, s->stream);
    imap_reader_set_limits(&s->reader, &after_login);
    s->imapd->count.logins++;
    return 0;
}

void session_logout(struct session *s) {
    roster_leave(&s->imapd->roster, &s->roster);
    imapd_user_leave(s->imapd, str_from(s->address));
    explicit_bzero(s->ticket, s->ticket_len);
    free(s->ticket);
    free(s->address);
    s->address = s->ticket = NULL;
    s->ticket_len = 0;
    notify_free(s->notify);
    s->notify = NULL;
    s->account = 0;
    s->utf8 = s->rev2 = s->condstore = s->qresync = s->uidonly = false;
    s->state = STATE_NOT_AUTHENTICATED;
    imap_reader_set_limits(&s->reader, &before_login);
}

void session_folder_changed(struct session *s, uint64_t folder, uint64_t modseq) {
    if (s->view == NULL || s->view->folder != folder) return;
    view_note_change(s->view, modseq);
    cond_signal(&s->changed);
}

const char *session_folder_name(const struct roster_entry *e) {
    const struct session *s =
        (const struct session *)(const void *)((const char *)e - offsetof(struct session, roster));
    return s->view == NULL ? NULL : s->view->name;
}

void session_shutdown(struct session *s) {
    s->shutdown = true;
    fiber_cancel(s->fiber);
}

/* An annotation that is too long (RFC 5464 section 4.3). */
static bool refuse_annotation(struct session *s, struct imap_args *a, struct str tag) {
    struct str name;
    if (s->reader.fault != IMAP_FAULT_LITERAL_TOO_LONG || !imap_args_space(a) || !imap_args_atom(a, &name) ||
        !str_eq_nocase(name, STR("SETMETADATA")))
        return false;
    session_printf(s, "%.*s NO [METADATA MAXSIZE %d] The value is too long\r\n", (int)tag.len, tag.ptr,
                   METADATA_VALUE_MAX);
    return true;
}

/* What the reader could not take: the tag, if it is one, tells the client which command it was. */
static void refuse_command(struct session *s) {
    static const char *const texts[] = {"Bad command", "Command line too long", "[TOOBIG] Literal too large",
                                        "Bad literal length"};
    struct imap_args a = {.rest = buf_str(&s->reader.text)};
    struct str tag;
    bool has_tag = imap_args_tag(&a, &tag) && imap_args_peek_char(&a, ' ');
    if (has_tag && s->state != STATE_NOT_AUTHENTICATED && refuse_annotation(s, &a, tag)) return;
    session_printf(s, "%.*s BAD %s\r\n", has_tag ? (int)tag.len : 1, has_tag ? tag.ptr : "*", texts[s->reader.fault]);
    s->bad_commands++;
    s->imapd->count.bad_commands++;
}

static void end_command(struct session *s) {
    imap_reader_reset(&s->reader);
    if (s->arena != NULL) arena_reset(s->arena);
    if (s->bad_commands < s->imapd->config.max_bad_commands) return;
    session_bye(s, "Too many bad commands");
    s->closing = true;
}

static int run_commands(struct session *s) {
    while (!s->closing) {
        enum imap_parse result;
        int err = s->notify == NULL || s->notify->implied ? 0 : notify_wait(s);
        if (s->closing) break;
        if (err == 0) err = session_next_event(s, session_deadline(s), &result);
        if (err != 0) return err;
        if (result == IMAP_ERROR)
            refuse_command(s);
        else if (s->reader.event == IMAP_EVENT_MESSAGE)
            command_append(s);
        else
            command_dispatch(s, buf_str(&s->reader.text));
        end_command(s);
        if (stream_error(s->stream) != 0) return stream_error(s->stream);
    }
    return 0;
}

/* What the client is told when the session ends for this reason, or NULL. */
static const char *end_text(const struct session *s, int err) {
    if (s->shutdown) return "Server is going down, please come back soon";
    if (s->roster.ended) return "Disconnected by the administrator";
    if (err == ERR_TIMEOUT)
        return s->state == STATE_NOT_AUTHENTICATED ? "Login timeout" : "Autologout; idle for too long";
    return NULL;
}

static void say_farewell(struct session *s, int err) {
    const char *text = end_text(s, err);
    if (text != NULL && !s->told_bye) session_bye(s, text);
    stream_set_write_timeout(s->stream, BYE_MS);
    (void)!stream_flush(s->stream);
}

static void log_end(const struct session *s, int err) {
    const char *reason = s->told_bye && err == 0 ? "logout"
                         : s->shutdown           ? "shutdown"
                         : s->roster.ended       ? "administrator"
                                                 : err_name(err);
    if (s->address == NULL) {
        log_event(LOG_INFO, s->id, "disconnected", "reason=\"%s\" commands=%u", reason, s->commands);
        return;
    }
    log_event(LOG_INFO, s->id, "logout",
              "user=%s reason=\"%s\" in=%llu out=%llu commands=%u fetched=%u appended=%u expunged=%u", s->address,
              reason, (unsigned long long)stream_bytes_in(s->stream), (unsigned long long)stream_bytes_out(s->stream),
              s->commands, s->fetched, s->appended, s->expunged);
}

static void session_done(struct session *s) {
    roster_leave(&s->imapd->roster, &s->roster);
    session_store_close(s);
    if (s->address != NULL) imapd_user_leave(s->imapd, str_from(s->address));
    list_remove(&s->all);
    s->imapd->session_count--;
    imap_reader_done(&s->reader);
    notify_free(s->notify);
    arena_free(s->arena);
    if (s->ticket != NULL) explicit_bzero(s->ticket, s->ticket_len);
    free(s->ticket);
    free(s->address);
    free(s);
}

static void serve(struct stream *stream, struct imapd *im) {
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL) return;
    s->imapd = im;
    s->stream = stream;
    s->fiber = fiber_self();
    s->state = STATE_NOT_AUTHENTICATED;
    imap_reader_init(&s->reader, &before_login);
    cond_init(&s->opened);
    cond_init(&s->changed);
    ident_new(s->id);
    list_push_back(&im->sessions, &s->all);
    im->session_count++;
    session_greet(s);
    int err = run_commands(s);
    say_farewell(s, err);
    log_end(s, err);
    session_done(s);
}

/* A client with implicit TLS that may not come is told nothing: that is not worth a handshake. */
static bool admit(struct imapd *im, struct stream *s, bool tls, struct gate_pass *pass) {
    struct error err = {0};
    char peer[NET_ADDR_TEXT_MAX];
    int rc = gate_enter(&im->gate, s, pass, &err);
    if (rc == 0) return true;
    net_addr_ip_text(stream_peer(s), peer);
    log_event(LOG_WARNING, "-", "session_refused", "peer=%s reason=\"%s\"", peer, err.text);
    if (tls || (rc != ERR_DENIED && rc != ERR_LIMIT)) return false;
    err.text[0] = ascii_upper(err.text[0]);
    if (stream_printf(s, "* BYE %s%s\r\n", rc == ERR_LIMIT ? "[LIMIT] " : "", err.text) == 0) (void)!stream_flush(s);
    return false;
}

void imapd_serve(struct stream *s, void *arg) {
    struct imapd *im = arg;
    struct gate_pass pass;
    if (!admit(im, s, false, &pass)) return;
    serve(s, im);
    gate_leave(&im->gate, &pass);
}

static void serve_tls(struct stream *s, struct imapd *im) {
    struct error err = {0};
    if (tls_accept(s, im->config.tls, loop_now_ms() + TLS_HANDSHAKE_MS, &err) != 0) {
        char peer[NET_ADDR_TEXT_MAX];
        net_addr_text(stream_peer(s), peer);
        log_event(LOG_INFO, "-", "tls_failed", "peer=%s error=\"%s\"", peer, err.text);
        return;
    }
    serve(s, im);
}

void imapd_serve_tls(struct stream *s, void *arg) {
    struct imapd *im = arg;
    struct gate_pass pass;
    if (im->config.tls == NULL || !admit(im, s, true, &pass)) return;
    serve_tls(s, im);
    gate_leave(&im->gate, &pass);
}

void imapd_refuse(struct stream *s, const char *reason, void *arg) {
    (void)arg;
    if (stream_printf(s, "* BYE [UNAVAILABLE] %s\r\n", reason) == 0) (void)!stream_flush(s);
}

/* Calls of other hosts. A connection is nobody's until its handshake has shown a key of the table; of those few are
 * kept, the oldest goes when one more comes, so that connections that say nothing keep nobody out. Nothing that an
 * unknown host sends is read. */
#include "remote/remote.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "net/loop.h"
#include "rpc/frame.h"

#include <string.h>

enum {
    SESSIONS_MAX = 96,
    UNKNOWN_MAX = 32,
    IDLE_MS = 60 * 1000,    /* between two requests */
    REQUEST_MS = 10 * 1000, /* from its first byte to its last */
    WRITE_MS = 30 * 1000,
    LINGER_MS = 2000, /* for a refusal to be read */
    ARENA_MAX = 64 * 1024 * 1024,
};

struct session {
    struct list node;
    struct remote *remote;
    struct stream *stream;
    struct fiber *fiber;
    char peer[NET_ADDR_TEXT_MAX];
    bool known, cut;
    unsigned char key[TLS_FINGERPRINT];
    int64_t not_after;
    char host[TABLE_KEY_MAX + 1];
    enum remote_role role;
};

/* ---------------------------------------------------------------- who it is */

/* By the table as it is now. False: it is nobody, or nobody any more. */
static bool look_up(struct session *s, const char **why) {
    const struct row *row = hosts_by_key(remote_rows(s->remote), s->key);
    *why = row == NULL                      ? "its key is not in the table of hosts"
           : hosts_role(row) == REMOTE_NONE ? "its role is none"
           : s->not_after <= clock_wall_s() ? "its key has ended"
                                            : NULL;
    if (*why != NULL) return false;
    s->role = hosts_role(row);
    if (str_to_cstr(str_from(row_key(row)), s->host, sizeof s->host) == 0) return true;
    *why = "its name is too long";
    return false;
}

static void tell_refused(struct session *s, bool key, const char *why) {
    BUF_AUTO hex = BUF_INIT(2 * TLS_FINGERPRINT);
    s->remote->refused++;
    if (key) hex_encode(&hex, str_of(s->key, sizeof s->key));
    log_event(LOG_WARNING, "-", "remote-refused", "peer=%s fingerprint=%s reason=\"%s\"", s->peer,
              key ? buf_cstr(&hex) : "-", why);
}

static void cut_off(struct session *s) {
    s->cut = true;
    fiber_cancel(s->fiber);
}

void remote_recheck(struct remote *r) {
    list_foreach(it, &r->sessions) {
        struct session *s = list_entry(it, struct session, node);
        const char *why;
        if (!s->known || s->cut || look_up(s, &why)) continue;
        tell_refused(s, true, why);
        cut_off(s);
    }
}

static void session_enter(struct session *s) {
    struct remote *r = s->remote;
    if (r->unknown >= UNKNOWN_MAX) {
        list_foreach(it, &r->sessions) {
            struct session *old = list_entry(it, struct session, node);
            if (old->known || old->cut) continue;
            cut_off(old);
            break;
        }
    }
    list_push_back(&r->sessions, &s->node);
    r->unknown++;
}

static void session_leave(struct session *s) {
    list_remove(&s->node);
    if (!s->known) s->remote->unknown--;
}

/* ---------------------------------------------------------------- answers */

static int send_frame(struct session *s, const struct remote_request *q, enum rpc_kind kind, struct str body,
                      struct str attach) {
    unsigned char head[RPC_HEAD_SIZE];
    int rc = rpc_frame_head(head, q->id, q->method, kind, body.len, attach.len);
    if (rc == 0) rc = stream_put(s->stream, str_of(head, sizeof head));
    if (rc == 0) rc = stream_put(s->stream, body);
    if (rc == 0) rc = stream_put(s->stream, attach);
    return rc == 0 ? stream_flush(s->stream) : rc;
}

static int send_error(struct session *s, const struct remote_request *q, int code, const char *text) {
    char attach[4 + ERROR_TEXT_MAX];
    size_t len = strnlen(text, ERROR_TEXT_MAX);
    rpc_error_head((unsigned char *)attach, code);
    memcpy(attach + 4, text, len);
    return send_frame(s, q, RPC_ERROR, STR_EMPTY, str_of(attach, 4 + len));
}

/* What has come and is not read would break the connection before the refusal is read. */
static void refuse(struct session *s, int code, const char *text) {
    struct remote_request nothing = {.id = 1, .verb = ""};
    uint64_t until = loop_now_ms() + LINGER_MS;
    if (send_error(s, &nothing, code, text) != 0 || stream_end(s->stream) != 0) return;
    while (stream_fill(s->stream, until) == 0) (void)stream_discard_input(s->stream);
}

static int send_reply(struct session *s, const struct remote_request *q, const ProtobufCMessage *msg,
                      struct arena *arena) {
    size_t len = protobuf_c_message_get_packed_size(msg);
    unsigned char *body = len > RPC_FRAME_MAX - RPC_HEAD_SIZE ? NULL : arena_alloc(arena, len + 1);
    if (body == NULL) return send_error(s, q, ERR_LIMIT, "the reply is too large");
    (void)protobuf_c_message_pack(msg, body);
    return send_frame(s, q, RPC_REPLY, str_of(body, len), STR_EMPTY);
}

/* ---------------------------------------------------------------- requests */

static void tell_served(const struct session *s, const struct remote_request *q, int rc) {
    enum log_level level = rc == ERR_DENIED ? LOG_WARNING : remote_method_changes(q->method) ? LOG_MESSAGE : LOG_INFO;
    log_event(level, "-", "remote-served", "host=%s by=%s peer=%s role=%s method=%s module=%s verb=%s result=\"%s\"",
              s->host, q->by[0] == '\0' ? "-" : q->by, s->peer, remote_role_name(s->role),
              remote_method_name(q->method), q->module[0] == '\0' ? "-" : q->module, q->verb[0] == '\0' ? "-" : q->verb,
              rc == 0 ? "done" : err_name(rc));
}

static int serve_request(struct session *s, const struct remote_request *q) {
    ARENA_AUTO arena = arena_new(ARENA_MAX);
    struct error err = {0};
    ProtobufCMessage *reply = NULL;
    int rc = arena == NULL ? ERR_NOMEM : remote_permit(q->method, s->role, &err);
    if (rc == 0) rc = remote_perform(s->remote, q, arena, &reply, &err);
    tell_served(s, q, rc);
    if (rc == 0) s->remote->served++;
    return rc == 0 ? send_reply(s, q, reply, arena)
                   : send_error(s, q, rc, err.text[0] != '\0' ? err.text : err_name(rc));
}

/* The next request, within its time. */
static int read_request(struct session *s, struct remote_request *q, struct error *err) {
    uint64_t begun = 0;
    for (;;) {
        struct str in = stream_peek(s->stream);
        size_t size = 0;
        int rc = remote_request_parse(in, q, &size, err);
        if (rc == 0) stream_consume(s->stream, size);
        if (rc != ERR_AGAIN) return rc;
        if (in.len > 0 && begun == 0) begun = loop_now_ms();
        rc = stream_fill(s->stream, begun != 0 ? begun + REQUEST_MS : loop_now_ms() + IDLE_MS);
        if (rc != 0) return rc;
    }
}

static void serve_known(struct session *s) {
    for (;;) {
        struct remote_request q;
        struct error err = {0};
        const char *why;
        int rc = read_request(s, &q, &err);
        if (rc == ERR_INVALID || rc == ERR_LIMIT) {
            tell_refused(s, true, err.text);
            refuse(s, rc, err.text);
            return;
        }
        if (rc != 0) return;
        if (!look_up(s, &why)) { /* nothing may have changed but the time */
            tell_refused(s, true, why);
            refuse(s, ERR_DENIED, why);
            return;
        }
        if (serve_request(s, &q) != 0) return;
    }
}

/* ---------------------------------------------------------------- connections */

/* 0: a host that is known. */
static int shake_hands(struct session *s) {
    struct error err = {0};
    const char *why = NULL;
    uint64_t deadline = loop_now_ms() + option_u64(s->remote->daemon, "remote.timeout") * 1000;
    int rc = tls_accept(s->stream, s->remote->tls_server, deadline, &err);
    bool shaken = rc == 0, key = shaken && tls_peer_key(s->stream, s->key, &s->not_after) == 0;
    if (!shaken)
        why = s->cut ? "others came, and it had said nothing" : err.text;
    else if (!key)
        why = "it shows no certificate";
    if (why == NULL && look_up(s, &why)) return 0;
    tell_refused(s, key, why);
    if (shaken) refuse(s, ERR_DENIED, why);
    return ERR_DENIED;
}

static void serve(struct stream *stream, void *arg) {
    struct remote *r = arg;
    struct session s = {.remote = r, .stream = stream, .fiber = fiber_self()};
    char key[COUNTER_ADDRESS_KEY];
    struct counter tries = {.key = counter_address_key(stream_peer(stream), key),
                            .max = (unsigned)option_u64(r->daemon, "remote.max_failures"),
                            .rate = true};
    net_addr_ip_text(stream_peer(stream), s.peer);
    if (counters_enter(&r->tries, &tries, 1, loop_now_ms()) == 0) {
        r->refused++;
        log_event(LOG_INFO, "-", "remote-refused", "peer=%s reason=\"too many failures\"", s.peer);
        return;
    }
    stream_set_write_timeout(stream, WRITE_MS);
    session_enter(&s);
    if (shake_hands(&s) == 0) {
        counters_undo(&r->tries, &tries, 1);
        s.known = true;
        r->unknown--;
        log_event(LOG_INFO, "-", "remote-connected", "host=%s peer=%s role=%s", s.host, s.peer,
                  remote_role_name(s.role));
        serve_known(&s);
    }
    session_leave(&s);
}

int remote_listen(struct remote *r, struct error *err) {
    static const struct listener_limits limits = {.max_sessions = SESSIONS_MAX};
    static const struct listener_ops ops = {.serve = serve};
    for (int fd; (fd = daemon_take_listener(r->daemon, "control")) >= 0;) {
        if (r->listener_count == REMOTE_LISTENERS_MAX) return error_set(err, ERR_LIMIT, "too many listeners");
        int rc = listener_start("control", fd, &ops, r, &limits, &r->listeners[r->listener_count]);
        if (rc != 0) return error_set(err, rc, "cannot listen: %s", err_name(rc));
        r->listener_count++;
    }
    return 0;
}

void remote_unlisten(struct remote *r, uint64_t deadline_ms) {
    for (size_t i = 0; i < r->listener_count; i++) listener_stop(r->listeners[i]);
    for (size_t i = 0; i < r->listener_count; i++) {
        listener_drain(r->listeners[i], deadline_ms);
        listener_free(r->listeners[i]);
    }
    r->listener_count = 0;
}

/* One call to another host: a connection, its key, a request, the reply. What comes back is read here, in the jail, and
 * made anew for who asked. */
#include "remote/remote.h"

#include "base/clock.h"
#include "net/loop.h"
#include "remote/clean.h"
#include "rpc/frame.h"

#include <stdio.h>
#include <string.h>

enum { ADDRESSES_MAX = 4, DNS_ARENA_MAX = 256 * 1024, NET_TEXT_MAX = 300 };

struct call {
    struct remote *remote;
    struct remote_target to;
    const struct remote_request *request;
    struct stream *stream;
    struct error *err;
};

static int failed(struct call *c, int rc, const char *why) {
    return error_set(c->err, rc, "%s: %s", c->to.name, why[0] != '\0' ? why : err_name(rc));
}

static int connect_to(struct call *c, const struct net_addr *at, uint64_t deadline) {
    struct error err = {0};
    char ip[NET_ADDR_TEXT_MAX], text[NET_TEXT_MAX + ERROR_TEXT_MAX];
    unsigned char key[TLS_FINGERPRINT];
    int64_t not_after = 0;
    enum tls_fault fault;
    struct tls_expect expect = {.verify = TLS_VERIFY_FINGERPRINT,
                                .fingerprints = (const unsigned char(*)[TLS_FINGERPRINT])c->to.keys,
                                .fingerprint_count = c->to.key_count};
    int rc = stream_connect(at, NULL, deadline, &c->stream, &err);
    if (rc == 0) rc = tls_connect_as(c->stream, c->remote->tls_client, &expect, deadline, &fault, &err);
    if (rc == 0) rc = tls_peer_key(c->stream, key, &not_after);
    if (rc == 0 && not_after <= clock_wall_s()) rc = error_set(&err, ERR_DENIED, "its key has ended");
    if (rc == 0) return 0;
    stream_free(c->stream);
    c->stream = NULL;
    net_addr_ip_text(at, ip);
    (void)snprintf(text, sizeof text, "[%s]:%u: %s", ip, at->port, err.text[0] != '\0' ? err.text : err_name(rc));
    return failed(c, rc, text);
}

static int find_addresses(struct call *c, struct arena *arena, struct net_addr **list, size_t *count) {
    const struct destination *to = &c->to.at;
    enum dns_status status;
    bool secure;
    if (to->literal) {
        *list = arena_memdup(arena, &to->addr, sizeof to->addr);
        *count = 1;
        return *list == NULL ? failed(c, ERR_NOMEM, "out of memory") : 0;
    }
    int rc =
        resolver_addresses(c->remote->resolver, str_from(to->host), to->port, arena, &status, &secure, list, count);
    if (rc != 0) return failed(c, rc, "");
    if (status == DNS_TEMPFAIL) return failed(c, ERR_AGAIN, "DNS gives no answer");
    return *count > 0 ? 0 : failed(c, ERR_NOTFOUND, "DNS knows no such host");
}

static int connect_any(struct call *c) {
    ARENA_AUTO arena = arena_new(DNS_ARENA_MAX);
    struct net_addr *list = NULL;
    size_t count = 0;
    uint64_t deadline = loop_now_ms() + option_u64(c->remote->daemon, "remote.timeout") * 1000;
    if (arena == NULL) return failed(c, ERR_NOMEM, "out of memory");
    int rc = find_addresses(c, arena, &list, &count);
    if (rc != 0) return rc;
    rc = ERR_IO;
    for (size_t i = 0; i < count && i < ADDRESSES_MAX; i++) {
        rc = connect_to(c, &list[i], deadline);
        if (rc == 0 || rc == ERR_CANCELLED || loop_now_ms() >= deadline) break;
    }
    return rc;
}

static int send_request(struct call *c) {
    const struct remote_request *q = c->request;
    unsigned char head[RPC_HEAD_SIZE], body[REMOTE_REQUEST_MAX];
    Remote__Ask ask = REMOTE__ASK__INIT;
    ask.module = (char *)(uintptr_t)q->module;
    ask.verb = (char *)(uintptr_t)q->verb;
    ask.by = (char *)(uintptr_t)q->by;
    size_t len = remote__ask__get_packed_size(&ask);
    IEMS_ASSERT(len <= sizeof body - RPC_HEAD_SIZE); /* its texts are bounded */
    (void)remote__ask__pack(&ask, body);
    int rc = rpc_frame_head(head, q->id, q->method, RPC_REQUEST, len, 0);
    stream_set_write_timeout(c->stream, option_u64(c->remote->daemon, "remote.timeout") * 1000);
    if (rc == 0) rc = stream_put(c->stream, str_of(head, sizeof head));
    if (rc == 0) rc = stream_put(c->stream, str_of(body, len));
    if (rc == 0) rc = stream_flush(c->stream);
    return rc == 0 ? 0 : failed(c, rc, "");
}

static int take_reply(struct call *c, const struct rpc_frame *f, struct arena *arena, ProtobufCMessage **reply) {
    const struct rpc_method *m = rpc_method_find(&remote_service, c->request->method);
    int code;
    struct str text;
    char shown[ERROR_TEXT_MAX] = "";
    if (f->kind == RPC_ERROR && rpc_error_parse(f->attach, &code, &text) == 0) {
        size_t n = 0;
        for (size_t i = 0; i < text.len && n < sizeof shown - 1; i++) /* it goes to a terminal and into a log */
            if (text.ptr[i] >= ' ' && text.ptr[i] < 0x7f) shown[n++] = text.ptr[i];
        return failed(c, code, shown);
    }
    if (f->kind != RPC_REPLY || f->id != c->request->id || f->method != c->request->method)
        return failed(c, ERR_CORRUPT, "the reply makes no sense");
    ProtobufCMessage *msg = NULL;
    if (rpc_unpack(m->reply, f->body, arena, &msg) != 0) return failed(c, ERR_CORRUPT, "the reply cannot be read");
    const Remote__State *state = m->id == REMOTE_STATE ? (const Remote__State *)(const void *)msg : NULL;
    if (state != NULL && (state->status == NULL || state->store == NULL))
        return failed(c, ERR_CORRUPT, "the reply is not whole");
    remote_clean(msg);
    *reply = msg;
    return 0;
}

static int read_reply(struct call *c, struct arena *arena, ProtobufCMessage **reply) {
    uint64_t deadline = remote_deadline(c->request->method);
    BUF_AUTO in = BUF_INIT(RPC_FRAME_MAX + STREAM_IN_MAX);
    for (;;) {
        struct rpc_frame f;
        size_t size = 0;
        struct str more = stream_peek(c->stream);
        buf_add(&in, more);
        stream_consume(c->stream, more.len);
        int rc = in.error != 0 ? in.error : rpc_frame_parse(buf_str(&in), &f, &size);
        if (rc == 0) return take_reply(c, &f, arena, reply);
        if (rc != ERR_AGAIN) return failed(c, ERR_CORRUPT, "the reply makes no sense");
        rc = stream_fill(c->stream, deadline);
        if (rc != 0) return failed(c, rc, rc == ERR_CLOSED ? "it closed the connection without a reply" : "");
    }
}

int remote_call(struct remote *r, const char *host, const struct remote_request *q, struct arena *arena,
                ProtobufCMessage **reply, struct error *err) {
    struct call c = {.remote = r, .request = q, .err = err};
    int rc = hosts_target(remote_rows(r), host, &c.to, err);
    if (rc == 0) rc = connect_any(&c);
    if (rc == 0) {
        r->made++;
        rc = send_request(&c);
    }
    if (rc == 0) rc = read_reply(&c, arena, reply);
    stream_free(c.stream);
    return rc;
}

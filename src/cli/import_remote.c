#include "cli/import_remote.h"

#include "cli/mail.h"
#include "daemon/config.h"
#include "net/loop.h"

enum { MORE_MS = 30 * 1000 };

static int start(struct remote *r, struct error *err) {
    const struct remote_server *s = r->server;
    const char *const arguments[] = {s->jail_user, s->host, s->port, s->ca_file != NULL ? s->ca_file : "", NULL};
    return child_start(&r->child, "iems-fetch", arguments, err);
}

static int login(struct remote *r, const char *user, const char *user_as, const char *password, struct error *err) {
    const struct remote_server *s = r->server;
    Fetch__Login req = FETCH__LOGIN__INIT;
    req.security = s->security;
    req.verify = s->verify;
    req.host = (char *)(uintptr_t)s->host;
    req.user = (char *)(uintptr_t)user;
    req.user_as = (char *)(uintptr_t)user_as;
    req.password = (char *)(uintptr_t)password;
    req.mechanism = (char *)(uintptr_t)(s->mechanism != NULL ? s->mechanism : "");
    req.timeout_ms = s->timeout_ms;
    if (s->has_fingerprint) req.fingerprint = rpc_binary(str_of(s->fingerprint, sizeof s->fingerprint));
    return remote_call(r, FETCH_LOGIN, &req.base, NULL, err);
}

int remote_open(const struct remote_server *s, const char *user, const char *user_as, const char *password,
                struct remote *out, struct error *err) {
    static const struct rpc_client_ops ops = {.connect = child_connect};
    *out = (struct remote){.server = s, .child.fd = -1};
    int rc = start(out, err);
    if (rc == 0) rc = rpc_client_new(&fetch_service, &ops, &out->child, &out->fetch);
    if (rc == 0) rc = login(out, user, user_as, password, err);
    if (rc != 0) {
        remote_close(out);
        return error_prefix(err, "%.100s", s->host);
    }
    return 0;
}

void remote_close(struct remote *r) {
    rpc_client_free(r->fetch);
    child_end(&r->child);
    *r = (struct remote){.child.fd = -1};
}

/* What the server refuses is told by ERR_DENIED; anything else leaves a connection that cannot be used. */
int remote_call(struct remote *r, uint16_t method, const ProtobufCMessage *req, struct rpc_reply *reply,
                struct error *err) {
    uint64_t deadline = loop_now_ms() + 3 * r->server->timeout_ms + MORE_MS;
    int rc = rpc_call(r->fetch, method, req, STR_EMPTY, deadline, reply, err);
    if (rc != 0 && rc != ERR_DENIED) r->failed = true;
    return rc;
}

static int next(struct remote *r, struct buf *body, bool *end,
                int (*each)(void *arg, const struct remote_message *m, struct error *err), void *arg,
                struct error *err) {
    Fetch__Empty req = FETCH__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = remote_call(r, FETCH_NEXT, &req.base, &reply, err);
    if (rc != 0) return rc;
    const Fetch__Piece *p = (const Fetch__Piece *)reply.msg;
    *end = p->end;
    buf_add(body, reply.attach);
    if (body->error != 0) return error_set(err, body->error, "a message is too large");
    if (!p->last) return 0;
    struct remote_message m = {.uid = p->uid, .date = p->date, .body = buf_str(body), .summary = rpc_bytes(p->summary)};
    rc = each(arg, &m, err);
    if (rc != 0) r->failed = true; /* what was asked for still comes */
    buf_clear(body);
    return rc;
}

int remote_bodies(struct remote *r, const uint32_t *uids, size_t count,
                  int (*each)(void *arg, const struct remote_message *m, struct error *err), void *arg,
                  struct error *err) {
    Fetch__Bodies req = FETCH__BODIES__INIT;
    BUF_AUTO body = BUF_INIT(MAIL_BODY_MAX);
    req.uids = (uint32_t *)(uintptr_t)uids;
    req.n_uids = count;
    int rc = remote_call(r, FETCH_BODIES, &req.base, NULL, err);
    for (bool end = false; rc == 0 && !end;) rc = next(r, &body, &end, each, arg, err);
    if (rc != 0 && rc != ERR_DENIED) r->failed = true;
    return rc;
}

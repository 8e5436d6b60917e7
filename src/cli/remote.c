#include "cli/remote.h"

#include "cli/mail.h"
#include "daemon/config.h"
#include "net/loop.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOCKET = 3, MORE_MS = 30 * 1000 };

extern char **environ;

static int on_connect(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    struct remote *r = arg;
    (void)deadline_ms;
    if (r->fd < 0) return error_set(err, ERR_CLOSED, "iems-fetch has ended");
    *fd = r->fd;
    r->fd = -1;
    return 0;
}

static int spawn(struct remote *r, struct error *err) {
    char program[INSTANCE_PATH_MAX];
    int sv[2];
    int rc = program_find("iems-fetch", program, err);
    if (rc != 0) return rc;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) != 0)
        return error_set(err, ERR_IO, "%s", strerror(errno));
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    if (sv[1] == SOCKET) { /* the same number would keep close-on-exec */
        int moved = dup(sv[1]);
        close(sv[1]);
        sv[1] = moved;
    }
    (void)posix_spawn_file_actions_adddup2(&actions, sv[1], SOCKET);
    const struct remote_server *s = r->server;
    char *argv[] = {program,
                    (char *)(uintptr_t)s->jail_user,
                    (char *)(uintptr_t)s->host,
                    (char *)(uintptr_t)s->port,
                    (char *)(uintptr_t)(s->ca_file != NULL ? s->ca_file : ""),
                    NULL};
    rc = posix_spawn(&r->pid, program, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    close(sv[1]);
    if (rc != 0) {
        close(sv[0]);
        r->pid = 0;
        return error_set(err, ERR_IO, "%s: %s", program, strerror(rc));
    }
    r->fd = sv[0];
    return 0;
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
    static const struct rpc_client_ops ops = {.connect = on_connect};
    *out = (struct remote){.server = s, .fd = -1};
    int rc = spawn(out, err);
    if (rc == 0) rc = rpc_client_new(&fetch_service, &ops, out, &out->fetch);
    if (rc == 0) rc = login(out, user, user_as, password, err);
    if (rc != 0) {
        remote_close(out);
        return error_prefix(err, "%.100s", s->host);
    }
    return 0;
}

void remote_close(struct remote *r) {
    int status;
    rpc_client_free(r->fetch);
    if (r->pid > 0) {
        if (r->fd >= 0) close(r->fd);
        (void)kill(r->pid, SIGKILL); /* it has nothing to finish */
        while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR) continue;
    }
    *r = (struct remote){.fd = -1};
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
    if (rc != 0) r->failed = true; /* what was asked for still comes */
    return rc;
}

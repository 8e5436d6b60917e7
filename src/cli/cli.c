#include "cli/cli.h"

#include "daemon/config.h"
#include "net/fiber.h"
#include "net/loop.h"
#include "rpc/packet.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum { CALL_MS = 60000, CONNECT_MS = 15000, ARENA_MAX = 1024 * 1024, CONNECTIONS_MAX = 4 };

static const char default_instance[] = "/var/lib/iems";

void cli_error(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    (void)fputs("iems: ", stderr);
    (void)vfprintf(stderr, fmt, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
}

int cli_usage(const struct command *cmd, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    (void)fprintf(stderr, "iems %s: ", cmd->name);
    (void)vfprintf(stderr, fmt, ap);
    (void)fprintf(stderr, "\nusage: %s%s %s\n", cli_is_classic(cmd) ? "" : "iems ", cmd->name, cmd->usage);
    va_end(ap);
    return EX_USAGE;
}

int cli_exit_status(int err) {
    switch ((enum err)err) {
    case ERR_OK: return EX_OK;
    case ERR_NOMEM: return EX_OSERR;
    case ERR_INVALID:
    case ERR_LIMIT: return EX_DATAERR;
    case ERR_NOTFOUND: return EX_NOUSER;
    case ERR_EXISTS: return EX_CANTCREAT;
    case ERR_DENIED: return EX_NOPERM;
    case ERR_TIMEOUT:
    case ERR_AGAIN:
    case ERR_CONFLICT:
    case ERR_NOSPACE: return EX_TEMPFAIL;
    case ERR_CLOSED:
    case ERR_CANCELLED:
    case ERR_UNSUPPORTED: return EX_UNAVAILABLE;
    case ERR_IO: return EX_IOERR;
    case ERR_CORRUPT: return EX_DATAERR;
    }
    return EX_SOFTWARE;
}

/* ---------------------------------------------------------------- the instance */

static bool is_instance(const char *dir) {
    char path[INSTANCE_PATH_MAX];
    return instance_path(dir, "iems.conf", path) == 0 && access(path, F_OK) == 0;
}

bool cli_instance(struct cli *c, const char *operand) {
    const char *from_env = getenv("IEMS_DIR");
    const char *given = operand != NULL                           ? operand
                        : c->instance != NULL                     ? c->instance
                        : from_env != NULL && from_env[0] != '\0' ? from_env
                                                                  : default_instance;
    char path[PATH_MAX], folder[PATH_MAX];
    struct stat st;
    (void)snprintf(folder, sizeof folder, "%s", given);
    if (stat(folder, &st) == 0 && S_ISREG(st.st_mode)) { /* -c DIR/iems.conf */
        char *slash = strrchr(folder, '/');
        if (slash == NULL)
            (void)snprintf(folder, sizeof folder, ".");
        else
            *slash = '\0';
    }
    if (realpath(folder[0] == '\0' ? "/" : folder, path) == NULL) {
        cli_error("%s: %s", given, strerror(errno));
    } else if (!is_instance(path)) {
        cli_error("%s is not an instance: it has no iems.conf (see `iems help init`)", path);
    } else {
        char *copy = strdup(path);
        if (copy == NULL) return false;
        free(c->instance);
        c->instance = copy;
        return true;
    }
    if (operand == NULL && c->instance == NULL && from_env == NULL) {
        cli_error("say which instance: -c DIR, or IEMS_DIR in the environment");
    }
    return false;
}

/* ---------------------------------------------------------------- connections */

struct connection {
    const struct rpc_service *service;
    char instance[INSTANCE_PATH_MAX];
    int first; /* made by cli_connect to see that somebody is there; -1 = used */
};

static int ask_for_service(int sock, const char *service, uint64_t deadline_ms, int *fd, struct error *err) {
    ARENA_AUTO arena = arena_new(ARENA_MAX);
    struct packet p;
    Control__PeerWanted wanted = CONTROL__PEER_WANTED__INIT;
    wanted.service = (char *)(uintptr_t)service;
    int rc = arena == NULL ? ERR_NOMEM : packet_send(sock, &PACKET(PEER_WANTED, peer_wanted, &wanted), NULL, 0);
    while (rc == 0) {
        rc = packet_receive(sock, arena, &p);
        if (rc != ERR_AGAIN) break;
        rc = fiber_wait_fd(sock, FIBER_READ, deadline_ms);
    }
    if (rc != 0) return error_set(err, rc, "the instance does not answer (%s)", err_name(rc));
    *fd = packet_take_fd(&p);
    packet_close_fds(&p);
    if (*fd >= 0) return 0;
    const char *why = p.msg->kind_case == CONTROL__PACKET__KIND_FAILED ? p.msg->failed->text : "it gave no connection";
    return error_set(err, ERR_AGAIN, "%s", why);
}

static int connect_service(const struct connection *c, uint64_t deadline_ms, int *fd, struct error *err) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path, sizeof a.sun_path, "%s/run/iems.sock", c->instance);
    if (n < 0 || (size_t)n >= sizeof a.sun_path)
        return error_set(err, ERR_LIMIT, "the path of the instance is too long");
    int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sock < 0) return error_set(err, ERR_IO, "%s", strerror(errno));
    int rc = connect(sock, (struct sockaddr *)&a, sizeof a);
    if (rc == 0) {
        rc = ask_for_service(sock, c->service->name, deadline_ms, fd, err);
    } else if (errno == EACCES) {
        rc = error_set(err, ERR_DENIED, "only root and the user of the instance may do this");
    } else {
        rc = error_set(err, ERR_CLOSED, "the instance %s is not running (iems start %s)", c->instance, c->instance);
    }
    close(sock);
    return rc;
}

static int on_connect(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    struct connection *c = arg;
    if (c->first < 0) return connect_service(c, deadline_ms, fd, err);
    *fd = c->first;
    c->first = -1;
    return 0;
}

int cli_try_connect(struct cli *c, const struct rpc_service *service, struct rpc_client **out, struct error *err) {
    static struct connection connections[CONNECTIONS_MAX];
    static size_t count;
    IEMS_ASSERT(count < CONNECTIONS_MAX);
    struct connection *conn = &connections[count];
    static const struct rpc_client_ops ops = {.connect = on_connect};
    conn->service = service;
    (void)snprintf(conn->instance, sizeof conn->instance, "%s", c->instance);
    int rc = connect_service(conn, loop_now_ms() + CONNECT_MS, &conn->first, err);
    if (rc == 0) rc = rpc_client_new(service, &ops, conn, out);
    if (rc == 0) count++;
    return rc;
}

struct rpc_client *cli_connect(struct cli *c, const struct rpc_service *service) {
    struct error err = {0};
    struct rpc_client *client = NULL;
    if (c->instance == NULL && !cli_instance(c, NULL)) return NULL;
    if (cli_try_connect(c, service, &client, &err) == 0) return client;
    cli_error("%s", err.text);
    return NULL;
}

int cli_call(struct rpc_client *client, uint16_t method, const ProtobufCMessage *request, struct str attach,
             struct rpc_reply *reply, const char *what) {
    struct error err = {0};
    int rc = rpc_call(client, method, request, attach, loop_now_ms() + CALL_MS, reply, &err);
    if (rc == 0) return 0;
    const char *text = err.text[0] != '\0' ? err.text : err_name(rc);
    if (what == NULL || what[0] == '\0')
        cli_error("%s", text);
    else
        cli_error("%s: %s", what, text);
    return rc;
}

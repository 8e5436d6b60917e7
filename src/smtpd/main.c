/* iems-smtpd: SMTP on port 25, submission on 587 and 465, LMTP on 24. May touch its sockets and the RPC channels to the
 * store and the directory, nothing else. */
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/dns.h"
#include "net/listener.h"
#include "net/loop.h"
#include "rpc/control_methods.h"
#include "smtpd/access_load.h"
#include "smtpd/admit.h"
#include "smtpd/metrics.h"
#include "smtpd/turn.h"

#include <stdio.h>
#include <stdlib.h>

enum { STATUS_TIMEOUT_MS = 10 * 1000 };

struct port {
    struct program *program;
    const struct service *service;
    struct listener *listener;
};

struct program {
    struct smtpd smtpd;
    struct daemon *daemon;
    struct port ports[SMTPD_LISTENERS_MAX];
    size_t port_count;
};

/* ---------------------------------------------------------------- connections */

static void serve(struct stream *stream, void *arg) {
    struct port *port = arg;
    struct smtpd *d = &port->program->smtpd;
    struct admission admission;
    d->tls = daemon_tls(port->program->daemon);
    if (admit_enter(d, port->service, stream, &admission) != 0) return;
    session_run(d, port->service, stream);
    admit_leave(d, &admission);
}

static void bound_add(struct smtpd *d, int fd) {
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0 || d->bound_count == SMTPD_LISTENERS_MAX) return;
    net_addr_from_sockaddr((const struct sockaddr *)&at, &d->bound[d->bound_count++]);
}

static int listen_all(struct program *p, struct error *err) {
    static const struct listener_ops ops = {.serve = serve};
    static const struct listener_limits none = {0};
    for (size_t i = 0; i < service_count; i++) {
        for (int fd; (fd = daemon_take_listener(p->daemon, service_table[i].name)) >= 0;) {
            if (p->port_count == SMTPD_LISTENERS_MAX) return error_set(err, ERR_LIMIT, "too many listeners");
            struct port *port = &p->ports[p->port_count];
            *port = (struct port){.program = p, .service = &service_table[i]};
            bound_add(&p->smtpd, fd);
            int rc = listener_start(service_table[i].name, fd, &ops, port, &none, &port->listener);
            if (rc < 0) return error_set(err, rc, "cannot listen for %s", service_table[i].name);
            p->port_count++;
        }
    }
    return 0;
}

/* ---------------------------------------------------------------- the store */

static void status_set(struct smtpd *d, const Store__StoreStatus *status) {
    if (status->accepting != d->accepting)
        log_event(status->accepting ? LOG_MESSAGE : LOG_ERROR, "-", status->accepting ? "accepting" : "not_accepting",
                  "reason=\"%s\" disk_free=%llu", status->reason, (unsigned long long)status->disk_free);
    d->accepting = status->accepting;
    (void)snprintf(d->full_reason, sizeof d->full_reason, "%s", status->reason);
}

static void status_ask(void *arg) {
    struct smtpd *d = arg;
    RPC_REPLY_AUTO reply = {0};
    Store__Empty request = STORE__EMPTY__INIT;
    if (rpc_call(d->store.client, STORE_STATUS, &request.base, STR_EMPTY, loop_now_ms() + STATUS_TIMEOUT_MS, &reply,
                 NULL) == 0)
        status_set(d, (const Store__StoreStatus *)reply.msg);
}

static void store_connected(struct rpc_client *c, void *arg) {
    (void)c;
    if (fiber_spawn("store status", status_ask, arg, NULL) < 0)
        log_event(LOG_ERROR, "-", "out_of_memory", "where=status");
}

static void store_disconnected(struct rpc_client *c, void *arg) {
    (void)c;
    struct smtpd *d = arg;
    d->store.generation++;
}

static void store_event(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach,
                        void *arg) {
    (void)c, (void)attach;
    if (method == STORE_EVENT_STATUS) status_set(arg, (const Store__StoreStatus *)msg);
}

/* ---------------------------------------------------------------- the directory */

static void dir_connected(struct rpc_client *c, void *arg) {
    struct smtpd *d = arg;
    roster_connected(c, &d->roster);
}

static void dir_disconnected(struct rpc_client *c, void *arg) {
    (void)c;
    struct smtpd *d = arg;
    foreign_disconnected(&d->foreign);
}

static void dir_event(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach,
                      void *arg) {
    struct smtpd *d = arg;
    foreign_event(&d->foreign, method);
    roster_event(c, method, msg, attach, &d->roster);
}

/* ---------------------------------------------------------------- the module */

static struct resolver *resolver; /* NULL: DNS is not there, its checks pass */

static int ask(void *arg, struct dns_question *q, size_t count, uint64_t timeout_ms, struct arena *arena) {
    return resolver_query_many(arg, q, count, timeout_ms, arena);
}

/* Mail comes in without DNS too. */
static int prepare(struct daemon *daemon, struct error *err) {
    enum { TIMEOUT_MAX_MS = 60 * 1000 }; /* each look-up has its own, which is less */
    if (daemon_resolver(daemon, NULL, TIMEOUT_MAX_MS, &resolver, err) == 0) return 0;
    log_event(LOG_ERROR, "-", "no_resolver", "reason=\"%s\" effect=\"nothing is looked up in DNS\"", err->text);
    resolver = NULL;
    return 0;
}

static int turn(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    return daemon_peer(arg, "smtpc", deadline_ms, fd, err);
}

struct turned {
    struct program *program;
    struct stream *smtpc;
};

static void turned_main(void *arg) {
    struct turned *t = arg;
    int rc = turn_serve(&t->program->smtpd, t->smtpc);
    if (rc < 0) log_event(LOG_WARNING, "-", "turned_failed", "error=\"%s\"", err_name(rc));
    stream_free(t->smtpc);
    free(t);
}

/* A provider that smtpc has called (RFC 2645). */
static int session(struct daemon *daemon, int fd, uint32_t role, const char *name) {
    (void)name;
    struct turned *t = role == ROLE_SMTPC ? calloc(1, sizeof *t) : NULL;
    if (t == NULL) return role == ROLE_SMTPC ? ERR_NOMEM : ERR_DENIED;
    t->program = daemon_data(daemon);
    int rc = stream_open_fd(fd, &t->smtpc);
    if (rc == 0 && fiber_spawn("turned", turned_main, t, NULL) == 0) return 0;
    stream_free(t->smtpc);
    free(t);
    return rc;
}

static int start(struct daemon *daemon, struct error *err) {
    static const struct rpc_client_ops store_ops = {
        .connected = store_connected, .disconnected = store_disconnected, .event = store_event};
    static const struct rpc_client_ops dir_ops = {
        .connected = dir_connected, .disconnected = dir_disconnected, .event = dir_event};
    struct program *p = calloc(1, sizeof *p);
    if (p == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    struct smtpd *d = &p->smtpd;
    p->daemon = daemon;
    daemon_set_data(daemon, p);
    d->hostname = daemon_hostname(daemon);
    d->default_domain = daemon_default_domain(daemon);
    d->accepting = true;
    d->turn = turn;
    d->turn_arg = daemon;
    cond_init(&d->wake);
    roster_init(&d->roster, "smtp", NULL);
    int rc = counting_init(&d->counting);
    if (rc == 0) rc = foreign_init(&d->foreign);
    if (rc == 0) rc = access_init(&d->access);
    if (rc < 0) return error_set(err, rc, "out of memory");
    rc = daemon_tables_use(daemon, access_table_names, access_table_count, err);
    if (rc < 0) return rc;
    if (resolver != NULL) d->access.probes.dns = (struct probe_dns){ask, resolver};
    settings_load(&d->set, daemon);
    access_load(&d->access, daemon);
    if (rc == 0) rc = daemon_client(daemon, &store_service, &store_ops, d, &d->store.client);
    if (rc == 0) rc = daemon_client(daemon, &dir_service, &dir_ops, d, &d->dir);
    if (rc == 0 && daemon_workers(daemon) > 1)
        rc = daemon_client(daemon, &control_service, NULL, NULL, &d->counting.control);
    d->roster.dir = d->foreign.dir = d->dir;
    if (rc < 0) return error_set(err, rc, "cannot make the clients of store and dir: %s", err_name(rc));
    return listen_all(p, err);
}

static void stop(struct daemon *daemon, unsigned seconds) {
    struct program *p = daemon_data(daemon);
    uint64_t deadline = loop_now_ms() + (uint64_t)seconds * 1000;
    for (size_t i = 0; i < p->port_count; i++) listener_stop(p->ports[i].listener);
    p->smtpd.stopping = true;
    cond_broadcast(&p->smtpd.wake);
    for (size_t i = 0; i < p->port_count; i++) listener_drain(p->ports[i].listener, deadline);
}

static void options_changed(struct daemon *daemon) {
    struct program *p = daemon_data(daemon);
    if (p == NULL) return;
    settings_load(&p->smtpd.set, daemon);
    access_load(&p->smtpd.access, daemon);
}

static void metrics(struct daemon *daemon, struct buf *out) {
    const struct program *p = daemon_data(daemon);
    if (p != NULL) metrics_format(&p->smtpd, out);
}

int main(int argc, char **argv) {
    static const struct daemon_ops ops = {
        .name = "smtpd",
        .summary = "accepts mail by SMTP, submission and LMTP",
        .needs = NEEDS_ACCEPT | NEEDS_DNS,
        .prepare = prepare,
        .start = start,
        .stop = stop,
        .options_changed = options_changed,
        .session = session,
        .metrics = metrics,
    };
    return daemon_main(&ops, argc, argv);
}

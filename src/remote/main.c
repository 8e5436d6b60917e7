/* Program iems-remote. */
#include "remote/remote.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "daemon/dns.h"
#include "net/loop.h"
#include "rpc/control_methods.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

enum { DNS_TIMEOUT_MS = 10 * 1000, KEY_WAIT_MS = 10 * 1000, SOON_S = 30 * 86400 };

static struct remote remote;

static int prepare(struct daemon *d, struct error *err) {
    remote.daemon = d;
    return daemon_resolver(d, NULL, DNS_TIMEOUT_MS, &remote.resolver, err);
}

/* A browser that was led here names protocols of its own. */
static int use_key(const Control__HostKey *key, struct error *err) {
    struct str pem = rpc_bytes(key->pem);
    int rc = tls_server_new(pem, &remote.tls_server, err);
    if (rc == 0) rc = tls_client_new(pem, &remote.tls_client, err);
    if (rc == 0) rc = tls_client_identify(remote.tls_client, pem, err);
    if (rc != 0) return rc;
    tls_server_require_13(remote.tls_server);
    tls_server_ask_certificates(remote.tls_server, true);
    tls_server_set_protocols(remote.tls_server, "iems-control");
    if (key->not_after < clock_wall_s() + SOON_S)
        log_event(LOG_WARNING, "-", "host-key", "fingerprint=%s warning=\"it ends soon, or has ended\"",
                  key->fingerprint);
    else
        log_event(LOG_INFO, "-", "host-key", "fingerprint=%s", key->fingerprint);
    return 0;
}

static int get_key(struct error *err) {
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc =
        rpc_call(remote.control, CONTROL_HOST_KEY, &empty.base, STR_EMPTY, loop_now_ms() + KEY_WAIT_MS, &reply, err);
    return rc == 0 ? use_key((const Control__HostKey *)(const void *)reply.msg, err) : rc;
}

static int start(struct daemon *d, struct error *err) {
    static const char *const tables[] = {"host"};
    list_init(&remote.sessions);
    int rc = counters_init(&remote.tries);
    if (rc == 0) rc = daemon_client(d, &control_service, NULL, NULL, &remote.control);
    if (rc == 0) rc = daemon_client(d, &store_service, NULL, NULL, &remote.store);
    if (rc == 0) rc = daemon_client(d, &dir_service, NULL, NULL, &remote.dir);
    if (rc == 0) rc = remote_serve(&remote);
    if (rc != 0) return error_set(err, rc, "out of memory");
    rc = daemon_tables_use(d, tables, 1, err);
    if (rc == 0) rc = get_key(err);
    return rc == 0 ? remote_listen(&remote, err) : rc;
}

static void stop(struct daemon *d, unsigned seconds) {
    (void)d;
    remote_unlisten(&remote, loop_now_ms() + seconds * UINT64_C(1000));
}

static void options_changed(struct daemon *d) {
    (void)d;
    remote_recheck(&remote);
}

static int session(struct daemon *d, int fd, uint32_t role, const char *name) {
    (void)d;
    return rpc_server_add(remote.server, fd, role, name);
}

static void metrics(struct daemon *d, struct buf *out) {
    (void)d;
    const struct metric list[] = {{"served_total", "Calls of other hosts", remote.served},
                                  {"refused_total", "Connections and calls that were refused", remote.refused},
                                  {"made_total", "Calls to other hosts", remote.made}};
    metrics_put(out, "remote", list, sizeof list / sizeof list[0]);
}

const struct rows *remote_rows(const struct remote *r) {
    return daemon_table(r->daemon, "host");
}

uint64_t remote_deadline(uint16_t method) {
    return loop_now_ms() + (method == REMOTE_ACTION ? REMOTE_ACTION_MS : REMOTE_LOOK_MS);
}

int main(int argc, char **argv) {
    static const struct daemon_ops ops = {
        .name = "remote",
        .summary = "remote control between the hosts of an organisation",
        .needs = NEEDS_ACCEPT | NEEDS_CONNECT | NEEDS_DNS,
        .prepare = prepare,
        .start = start,
        .stop = stop,
        .options_changed = options_changed,
        .metrics = metrics,
        .session = session,
    };
    return daemon_main(&ops, argc, argv);
}

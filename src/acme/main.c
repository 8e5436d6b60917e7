/* Program iems-acme. */
#include "acme/acme.h"

#include "base/metric.h"
#include "daemon/dns.h"
#include "net/loop.h"
#include "rpc/store_methods.h"

#include <jansson.h>

enum { CA_PEM_MAX = 512 * 1024, DNS_TIMEOUT_MS = 20 * 1000 };

static struct acme acme;
static struct fiber *looking;

/* Before the jail closes: the roots of the system, the name servers, and the seed of jansson, which opens a device for
 * it. */
static int prepare(struct daemon *d, struct error *err) {
    acme.daemon = d;
    json_object_seed(0);
    int rc = daemon_resolver(d, NULL, DNS_TIMEOUT_MS, &acme.resolver, err);
    return rc == 0 ? tls_client_new(STR_EMPTY, &acme.system_roots, err) : rc;
}

static void look_main(void *arg) {
    acme_main(arg);
    looking = NULL;
}

static int start(struct daemon *d, struct error *err) {
    cond_init(&acme.wake);
    cond_init(&acme.free_again);
    buf_init(&acme.ca_pem, CA_PEM_MAX);
    int rc = daemon_client(d, &control_service, NULL, NULL, &acme.control);
    if (rc == 0) rc = daemon_client(d, &store_service, NULL, NULL, &acme.store);
    if (rc == 0) rc = acme_serve(&acme);
    if (rc == 0) rc = fiber_spawn("renew", look_main, &acme, &looking);
    if (rc != 0) return error_set(err, rc, "out of memory");
    return acme_listen(&acme, err);
}

static void stop(struct daemon *d, unsigned seconds) {
    uint64_t deadline = loop_now_ms() + seconds * UINT64_C(1000);
    (void)d;
    if (looking != NULL) fiber_cancel(looking);
    while (looking != NULL && loop_now_ms() < deadline && fiber_sleep(10) == 0) continue;
    acme_unlisten(&acme, deadline);
}

static void options_changed(struct daemon *d) {
    (void)d;
    acme.told++;
    cond_signal(&acme.wake);
}

static int session(struct daemon *d, int fd, uint32_t role, const char *name) {
    (void)d;
    return rpc_server_add(acme.server, fd, role, name);
}

static void metrics(struct daemon *d, struct buf *out) {
    (void)d;
    const struct metric list[] = {{"renewed_total", "Certificates that were got or renewed", acme.orders},
                                  {"failures_total", "Attempts that failed", acme.failures}};
    metrics_put(out, "acme", list, sizeof list / sizeof list[0]);
}

int main(int argc, char **argv) {
    static const struct daemon_ops ops = {
        .name = "acme",
        .summary = "gets and renews certificates (ACME), tells of those that end soon",
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

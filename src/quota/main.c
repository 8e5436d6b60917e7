/* Program iems-quota. */
#include "base/log.h"
#include "base/metric.h"
#include "daemon/tables.h"
#include "net/loop.h"
#include "quota/history.h"
#include "quota/quota.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <inttypes.h>

static struct quota quota;
static struct fiber *checking;

static void check_main(void *arg) {
    quota_main(arg);
    checking = NULL;
}

/* The store has forgotten the totals of domains. */
static void store_connected(struct rpc_client *c, void *arg) {
    (void)c, (void)arg;
    quota.connects++;
    cond_signal(&quota.wake);
}

static int start(struct daemon *d, struct error *err) {
    static const struct rpc_client_ops store_ops = {.connected = store_connected};
    static const char *const tables[] = {"domainquota"};
    quota.daemon = d;
    cond_init(&quota.wake);
    cond_init(&quota.finished);
    int rc = daemon_tables_use(d, tables, 1, err);
    if (rc != 0) return rc;
    rc = history_open(&quota, err);
    if (rc != 0) return rc;
    rc = daemon_client(d, &dir_service, NULL, NULL, &quota.dir);
    if (rc == 0) rc = daemon_client(d, &store_service, &store_ops, NULL, &quota.store);
    if (rc == 0) rc = quota_serve(&quota);
    if (rc == 0) rc = fiber_spawn("quota", check_main, &quota, &checking);
    return rc == 0 ? 0 : error_set(err, rc, "out of memory");
}

static void stop(struct daemon *d, unsigned seconds) {
    uint64_t deadline = loop_now_ms() + seconds * UINT64_C(1000);
    (void)d;
    quota.stopping = true;
    if (checking != NULL) fiber_cancel(checking);
    while (checking != NULL && loop_now_ms() < deadline && fiber_sleep(10) == 0) continue;
    history_close(&quota);
}

static void options_changed(struct daemon *d) {
    (void)d;
    cond_signal(&quota.wake);
}

static int session(struct daemon *d, int fd, uint32_t role, const char *name) {
    (void)d;
    return rpc_server_add(quota.server, fd, role, name);
}

static void metrics(struct daemon *d, struct buf *out) {
    (void)d;
    const struct metric list[] = {{"checks_total", "Checks of all mailboxes", quota.checks},
                                  {"failures_total", "Checks that failed", quota.count.failures},
                                  {"warned_total", "Warnings to users", quota.count.warned},
                                  {"expired_total", "Mailboxes for which mail is refused since", quota.count.expired},
                                  {"recovered_total", "Mailboxes that take mail again", quota.count.recovered}};
    metrics_put(out, "quota", list, sizeof list / sizeof list[0]);
}

int main(int argc, char **argv) {
    static const struct daemon_ops ops = {
        .name = "quota",
        .summary = "warns users whose mailboxes are full, disables and enables mailboxes, writes reports",
        .needs = NEEDS_THREADS | NEEDS_REPORTS,
        .start = start,
        .stop = stop,
        .options_changed = options_changed,
        .metrics = metrics,
        .session = session,
    };
    return daemon_main(&ops, argc, argv);
}

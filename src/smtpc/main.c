/* Program iems-smtpc. */
#include "base/log.h"
#include "base/metric.h"
#include "net/loop.h"
#include "smtpc/smtpc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct smtpc smtpc;

static int prepare(struct daemon *d, struct error *err) {
    smtpc.daemon = d;
    return secure_prepare(&smtpc, err);
}

static int dns_mx(void *arg, struct str domain, struct arena *arena, enum dns_status *status, struct dns_mx **mx,
                  size_t *count) {
    bool secure = false;
    (void)arg;
    secure_wait(&smtpc);
    return resolver_mx(smtpc.resolver, domain, arena, status, &secure, mx, count);
}

static int dns_addresses(void *arg, struct str host, uint16_t port, struct arena *arena, enum dns_status *status,
                         struct net_addr **addr, size_t *count) {
    bool secure = false;
    (void)arg;
    secure_wait(&smtpc);
    return resolver_addresses(smtpc.resolver, host, port, arena, status, &secure, addr, count);
}

static int session(struct daemon *d, int fd, uint32_t role, const char *name) {
    (void)d;
    return role == ROLE_SMTPD ? smtpc_turned(&smtpc, fd, role) : rpc_server_add(smtpc.server, fd, role, name);
}

static int start(struct daemon *d, struct error *err) {
    static const struct channel_ops ops = {
        .lease = smtpc_attention, .leased = smtpc_leased, .destination_ready = smtpc_destination_ready};
    static const struct channel_config config = {.name = "SMTPC", .credit = 1, .by_destination = true};
    static const struct sched_limits first = {1, 1, 1, 1, 1};
    static const char *const tables[] = {"peer", "route", "fetch"};
    int used = daemon_tables_use(d, tables, sizeof tables / sizeof tables[0], err);
    if (used != 0) return used;
    if (sendings_init(&smtpc) != 0) return error_set(err, ERR_NOMEM, "out of memory");
    semaphore_init(&smtpc.settling, SMTPC_SETTLING_MAX);
    cond_init(&smtpc.sessions_changed);
    cond_init(&smtpc.table_wake);
    cond_init(&smtpc.room);
    cond_init(&smtpc.stop_making_room);
    list_init(&smtpc.sessions);
    list_init(&smtpc.turned);
    smtpc.router.dns = (struct route_dns){dns_mx, dns_addresses, NULL};
    smtpc.scheduler = scheduler_new(&first);
    if (smtpc.scheduler == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    smtpc.hops = hops_new();
    if (smtpc.hops == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    smtpc_configure(&smtpc);
    smtpc_table_read(&smtpc);
    if (fiber_spawn("host table", smtpc_table_watch, &smtpc, NULL) != 0)
        return error_set(err, ERR_NOMEM, "out of memory");
    int rc = secure_start(&smtpc, err);
    if (rc != 0) return rc;
    rc = smtpc_serve(&smtpc);
    if (rc == 0) rc = smtpc_fetch_watch(&smtpc);
    if (rc != 0) return error_set(err, rc, "out of memory");
    rc = channel_open(d, &config, &ops, &smtpc, &smtpc.channel);
    return rc == 0 ? 0 : error_set(err, rc, "cannot listen to the queue: %s", err_name(rc));
}

/* Messages under way are finished, connections closed, what was not begun goes back. */
static void stop(struct daemon *d, unsigned seconds) {
    uint64_t deadline = loop_now_ms() + seconds * 1000u;
    (void)d;
    smtpc.stopping = true;
    smtpc_wake_idle(&smtpc);
    cond_broadcast(&smtpc.fetch_wake);
    cond_broadcast(&smtpc.table_wake);
    channel_drain(smtpc.channel, deadline);
    while (scheduler_sessions(smtpc.scheduler) > 0)
        if (cond_wait(&smtpc.sessions_changed, deadline) != 0) break;
    for (unsigned i = 0; i < SMTPC_SETTLING_MAX; i++) /* all permits back: no commit is under way */
        if (semaphore_take(&smtpc.settling, deadline) != 0) break;
    secure_stop(&smtpc);
}

static void options_changed(struct daemon *d) {
    (void)d;
    smtpc_configure(&smtpc);
    secure_configure(&smtpc);
    cond_broadcast(&smtpc.room); /* there may be more of it */
    smtpc_pump(&smtpc);
    cond_broadcast(&smtpc.fetch_wake);
    smtpc.table_due = true;
    cond_broadcast(&smtpc.table_wake);
}

static void metrics(struct daemon *d, struct buf *out) {
    (void)d;
    const struct metric list[] = {
        {"connections_total", "Connections that were made", smtpc.counters.connections},
        {"connections_failed_total", "Addresses that could not be used", smtpc.counters.connections_failed},
        {"given_up_total", "Sessions that gave no answer while others waited, and made room", smtpc.counters.given_up},
        {"sent_total", "Recipients that another server took", smtpc.counters.sent},
        {"bytes_total", "Bytes of the messages sent", smtpc.counters.bytes},
        {"deferred_total", "Recipients that were put back after an attempt", smtpc.counters.deferred},
        {"bounced_total", "Recipients that were sent back", smtpc.counters.bounced},
        {"reports_total", "Delivery reports that were made", smtpc.counters.reports},
    };
    metrics_put(out, "smtpc", list, sizeof list / sizeof list[0]);
    const struct metric now[] = {
        {"sessions", "Sessions: connections and look-ups", scheduler_sessions(smtpc.scheduler)},
        {"connections_open", "Connections that are open or being made", scheduler_open_sessions(smtpc.scheduler)},
        {"lookups", "Sessions that ask the name service where to go", scheduler_lookups(smtpc.scheduler)},
        {"probes", "Sessions for destinations that failed the last time", scheduler_probes(smtpc.scheduler)},
        {"destinations", "Destinations that have sessions or are remembered", scheduler_destinations(smtpc.scheduler)},
    };
    metrics_put(out, "smtpc", now, sizeof now / sizeof now[0]);
    secure_metrics(&smtpc, out);
}

static const struct daemon_ops ops = {
    .name = "smtpc",
    .summary = "delivers messages to other hosts by SMTP",
    .needs = NEEDS_CONNECT | NEEDS_DNS,
    .prepare = prepare,
    .start = start,
    .stop = stop,
    .options_changed = options_changed,
    .session = session,
    .metrics = metrics,
};

int main(int argc, char **argv) {
    return daemon_main(&ops, argc, argv);
}

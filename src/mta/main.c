/* Program iems-mta. */
#include "base/log.h"
#include "base/metric.h"
#include "mta/mta.h"
#include "net/loop.h"

static struct mta mta;

static void dir_disconnected(struct rpc_client *c, void *arg) {
    (void)c;
    foreign_disconnected(arg);
}

static void dir_event(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach,
                      void *arg) {
    (void)c, (void)msg, (void)attach;
    foreign_event(arg, method);
}

static int start(struct daemon *d, struct error *err) {
    static const struct rpc_client_ops dir_ops = {.disconnected = dir_disconnected, .event = dir_event};
    static const struct channel_ops ops = {.lease = mta_switch};
    struct channel_config config = {.name = "INPUT", .credit = (uint32_t)option_u64(d, "mta.leases")};
    static const char *const tables[] = {"peer", "route", "dnslist"};
    mta.daemon = d;
    int rc = daemon_tables_use(d, tables, 3, err);
    if (rc != 0) return rc;
    mta_configure(&mta);
    rc = foreign_init(&mta.foreign);
    if (rc == 0) rc = daemon_client(d, &dir_service, &dir_ops, &mta.foreign, &mta.dir);
    mta.foreign.dir = mta.dir;
    if (rc == 0) rc = channel_open(d, &config, &ops, &mta, &mta.channel);
    return rc == 0 ? 0 : error_set(err, rc, "cannot listen to the queue: %s", err_name(rc));
}

static void stop(struct daemon *d, unsigned seconds) {
    (void)d;
    channel_drain(mta.channel, loop_now_ms() + seconds * 1000u);
}

static void options_changed(struct daemon *d) {
    (void)d;
    mta_configure(&mta);
}

static void metrics(struct daemon *d, struct buf *out) {
    (void)d;
    const struct metric list[] = {
        {"messages_total", "Messages that the switch looked at", mta.counters.messages},
        {"recipients_total", "Recipients that were settled", mta.counters.recipients},
        {"bounced_total", "Recipients that were sent back", mta.counters.bounced},
        {"discarded_total", "Recipients that a module dropped", mta.counters.discarded},
        {"deferred_total", "Messages that were put back", mta.counters.deferred},
        {"reports_total", "Delivery reports that were made", mta.counters.reports},
    };
    metrics_put(out, "mta", list, sizeof list / sizeof list[0]);
}

static const struct daemon_ops ops = {
    .name = "mta",
    .summary = "routes messages from the input queue to the output channels",
    .start = start,
    .stop = stop,
    .options_changed = options_changed,
    .metrics = metrics,
};

int main(int argc, char **argv) {
    return daemon_main(&ops, argc, argv);
}

/* Program iems-lmda. */
#include "base/metric.h"
#include "lmda/lmda.h"
#include "net/loop.h"

static struct lmda lmda;

static int start(struct daemon *d, struct error *err) {
    static const struct channel_ops ops = {.lease = lmda_deliver};
    struct channel_config config = {.name = "LOCAL", .credit = (uint32_t)option_u64(d, "lmda.leases")};
    lmda.daemon = d;
    int rc = daemon_client(d, &dir_service, NULL, NULL, &lmda.dir);
    if (rc == 0) rc = channel_open(d, &config, &ops, &lmda, &lmda.channel);
    return rc == 0 ? 0 : error_set(err, rc, "cannot listen to the queue: %s", err_name(rc));
}

static void stop(struct daemon *d, unsigned seconds) {
    (void)d;
    channel_drain(lmda.channel, loop_now_ms() + seconds * 1000u);
}

static void metrics(struct daemon *d, struct buf *out) {
    (void)d;
    const struct metric list[] = {
        {"delivered_total", "Messages filed into mailboxes", lmda.counters.delivered},
        {"bytes_total", "Bytes of the messages filed", lmda.counters.bytes},
        {"deferred_total", "Messages that were put back", lmda.counters.deferred},
        {"bounced_total", "Recipients that were sent back", lmda.counters.bounced},
    };
    metrics_put(out, "lmda", list, sizeof list / sizeof list[0]);
}

static const struct daemon_ops ops = {
    .name = "lmda",
    .summary = "files messages into the mailboxes of their recipients",
    .start = start,
    .stop = stop,
    .metrics = metrics,
};

int main(int argc, char **argv) {
    return daemon_main(&ops, argc, argv);
}

/* Program iems-index: makes the signatures by which searches find messages (docs/design/search.md). Bodies are parsed
 * here, in a jail that leaves nothing but the connection to the store; it runs when nobody else wants the processor. */
#include "base/metric.h"
#include "daemon/daemon.h"
#include "index/work.h"
#include "net/fiber.h"
#include "proto/mime/charset.h"

static struct index_work work;

static int prepare(struct daemon *d, struct error *err) {
    (void)d;
    (void)err;
    charset_prepare();
    return 0;
}

static int start(struct daemon *d, struct error *err) {
    work.builder = signature_builder_new();
    int rc = work.builder == NULL ? ERR_NOMEM : daemon_client(d, &store_service, NULL, NULL, &work.store);
    if (rc == 0) rc = fiber_spawn("index", index_work_run, &work, NULL);
    return rc == 0 ? 0 : error_set(err, rc, "cannot begin: %s", err_name(rc));
}

static void stop(struct daemon *d, unsigned seconds) {
    (void)d;
    (void)seconds;
    work.stopping = true; /* what was taken is given again */
}

static void metrics(struct daemon *d, struct buf *out) {
    (void)d;
    const struct metric list[] = {
        {"bodies_total", "Bodies that were indexed", work.count.bodies},
        {"bytes_total", "Bytes of them", work.count.bytes},
        {"signature_bytes_total", "Bytes of the index made from them", work.count.signature_bytes},
        {"failures_total", "Bodies that could not be read", work.count.failures},
    };
    metrics_put(out, "index", list, sizeof list / sizeof list[0]);
}

static const struct daemon_ops ops = {
    .name = "index",
    .summary = "makes the index that searches of mailboxes use",
    .prepare = prepare,
    .start = start,
    .stop = stop,
    .metrics = metrics,
};

int main(int argc, char **argv) {
    return daemon_main(&ops, argc, argv);
}

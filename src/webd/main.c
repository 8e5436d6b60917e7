/* iems-webd: the HTTP server. At present measurements and health; JMAP, webmail and administration have their routes
 * here. */
#include "net/loop.h"
#include "rpc/control_methods.h"
#include "webd/webd.h"

static struct webd webd;
static struct webd_service metrics_service = {&webd, "metrics"};

static int start(struct daemon *d, struct error *err) {
    static const struct listener_ops ops = {.serve = webd_serve};
    static const struct listener_limits limits = {.max_sessions = WEBD_SESSIONS_MAX};
    webd.daemon = d;
    int rc = daemon_client(d, &control_service, NULL, NULL, &webd.control);
    if (rc != 0) return error_set(err, rc, "cannot make a client of the responder");
    int fd = daemon_take_listener(d, "metrics");
    if (fd < 0) return 0;
    rc = listener_start("metrics", fd, &ops, &metrics_service, &limits, &webd.metrics);
    if (rc != 0) return error_set(err, rc, "cannot listen for measurements: %s", err_name(rc));
    return 0;
}

static void stop(struct daemon *d, unsigned seconds) {
    (void)d;
    if (webd.metrics == NULL) return;
    listener_stop(webd.metrics);
    listener_drain(webd.metrics, loop_now_ms() + seconds * 1000);
}

static void metrics(struct daemon *d, struct buf *out) {
    (void)d;
    buf_printf(out, "# TYPE iems_http_requests_total counter\niems_http_requests_total %llu\n",
               (unsigned long long)webd.requests);
    buf_printf(out, "# TYPE iems_http_errors_total counter\niems_http_errors_total %llu\n",
               (unsigned long long)webd.errors);
}

int main(int argc, char **argv) {
    static const struct daemon_ops ops = {
        .name = "webd",
        .summary = "HTTP server: measurements and health",
        .needs = NEEDS_ACCEPT,
        .start = start,
        .stop = stop,
        .metrics = metrics,
    };
    return daemon_main(&ops, argc, argv);
}

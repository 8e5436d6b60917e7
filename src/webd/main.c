/* iems-webd: the HTTP server. At present measurements and health; JMAP, webmail and administration have their routes
 * here. */
#include "daemon/daemon.h"
#include "net/loop.h"
#include "rpc/control_methods.h"
#include "webd/webd.h"

static struct webd webd;
static struct webd_service metrics_service = {&webd, "metrics"};

static int listen_on(struct daemon *d, struct webd_service *service, struct error *err) {
    static const struct listener_ops ops = {.serve = webd_serve, .refuse = webd_refuse};
    static const struct listener_limits limits = {.max_sessions = WEBD_SESSIONS_MAX};
    for (int fd; (fd = daemon_take_listener(d, service->listener)) >= 0;) {
        if (webd.listener_count == WEBD_LISTENERS_MAX) return error_set(err, ERR_LIMIT, "too many listeners");
        struct listener **slot = &webd.listeners[webd.listener_count];
        int rc = listener_start(service->listener, fd, &ops, service, &limits, slot);
        if (rc != 0) return error_set(err, rc, "cannot listen for %s: %s", service->listener, err_name(rc));
        webd.listener_count++;
    }
    return 0;
}

static int start(struct daemon *d, struct error *err) {
    int rc = daemon_client(d, &control_service, NULL, NULL, &webd.control);
    if (rc != 0) return error_set(err, rc, "cannot make a client of the responder");
    return listen_on(d, &metrics_service, err);
}

static void stop(struct daemon *d, unsigned seconds) {
    (void)d;
    uint64_t deadline = loop_now_ms() + seconds * UINT64_C(1000);
    for (size_t i = 0; i < webd.listener_count; i++) listener_stop(webd.listeners[i]);
    for (size_t i = 0; i < webd.listener_count; i++) {
        listener_drain(webd.listeners[i], deadline);
        listener_free(webd.listeners[i]);
    }
    webd.listener_count = 0;
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

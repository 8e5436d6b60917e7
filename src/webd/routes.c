/* What can be asked for, and the answers. */
#include "webd/webd.h"

#include "net/loop.h"
#include "rpc/control_methods.h"

static void answer_failure(struct webd_answer *out, const struct error *err) {
    out->status = 503;
    buf_clear(&out->body);
    buf_printf(&out->body, "%s\n", err->text[0] != '\0' ? err->text : "not available");
}

static void answer_metrics(struct webd *w, const struct http_request *r, struct webd_answer *out) {
    (void)r;
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    if (rpc_call(w->control, CONTROL_METRICS, &empty.base, STR_EMPTY, loop_now_ms() + WEBD_CALL_MS, &reply, &err) !=
        0) {
        answer_failure(out, &err);
        return;
    }
    out->type = "text/plain; version=0.0.4; charset=utf-8";
    buf_adds(&out->body, ((const Control__Metrics *)(const void *)reply.msg)->text);
}

static void answer_health(struct webd *w, const struct http_request *r, struct webd_answer *out) {
    (void)r;
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    if (rpc_call(w->control, CONTROL_STATUS, &empty.base, STR_EMPTY, loop_now_ms() + WEBD_CALL_MS, &reply, &err) != 0) {
        answer_failure(out, &err);
        return;
    }
    const Control__Status *status = (const Control__Status *)(const void *)reply.msg;
    out->status = status->all_ready ? 200 : 503;
    buf_adds(&out->body, status->all_ready ? "ok\n" : "not ready:");
    for (size_t i = 0; !status->all_ready && i < status->n_modules; i++) {
        if (!str_eq(str_from(status->modules[i]->state), STR("ready")))
            buf_printf(&out->body, " %s", status->modules[i]->name);
    }
    if (!status->all_ready) buf_addc(&out->body, '\n');
}

const struct webd_route webd_routes[] = {
    {"metrics", "/healthz", "200 when every module is ready, else 503 with the names of those that are not",
     answer_health},
    {"metrics", "/metrics", "measurements of all modules for Prometheus", answer_metrics},
};
const size_t webd_route_count = sizeof webd_routes / sizeof webd_routes[0];

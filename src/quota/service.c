/* What the command line and the web ask: when the next check is, a check now, the reports (QUOTA-07, QUOTA-08). */
#include "base/log.h"
#include "net/loop.h"
#include "quota/history.h"
#include "quota/quota.h"
#include "rpc/quota_methods.h"

enum { RUN_MS = 3600 * 1000 };

static void status_fill(const struct quota *q, Quota__Status *out) {
    quota__status__init(out);
    out->next = q->next;
    out->last = q->last;
    out->running = q->running;
}

static int handle_status(struct rpc_request *r, struct error *err, void *arg) {
    Quota__Status reply;
    (void)err;
    status_fill(arg, &reply);
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* One that is under way has perhaps passed what is of interest: another follows it. */
static int handle_run(struct rpc_request *r, struct error *err, void *arg) {
    struct quota *q = arg;
    Quota__Status reply;
    uint64_t target = q->checks + (q->running ? 2 : 1), deadline = loop_now_ms() + RUN_MS;
    log_event(LOG_MESSAGE, "-", "quota-check-asked", "by=%s", rpc_session_name(r->session));
    q->wanted = true;
    cond_signal(&q->wake);
    while (q->checks < target) {
        int rc = cond_wait(&q->finished, deadline);
        if (rc != 0) return error_set(err, rc, "the check did not come to an end: %s", err_name(rc));
    }
    if (q->last_rc != 0) return error_set(err, q->last_rc, "the check failed, the log says why");
    status_fill(q, &reply);
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int handle_history(struct rpc_request *r, struct error *err, void *arg) {
    Quota__History reply = QUOTA__HISTORY__INIT;
    int rc = history_list(arg, r->arena, &reply, err);
    if (rc == 0) rpc_answer(r, &reply.base, STR_EMPTY);
    return rc;
}

static int handle_report(struct rpc_request *r, struct error *err, void *arg) {
    const Quota__ReportWanted *m = (const void *)r->msg;
    Quota__Report reply = QUOTA__REPORT__INIT;
    BUF_AUTO part = BUF_INIT(HISTORY_CHUNK + 1);
    int rc = history_read(arg, m->at, m->html, m->offset, &part, &reply.at, &reply.total, err);
    if (rc == 0) rpc_answer(r, &reply.base, buf_str(&part));
    return rc;
}

static int handle_delete(struct rpc_request *r, struct error *err, void *arg) {
    const Quota__ReportName *m = (const void *)r->msg;
    Quota__Empty reply = QUOTA__EMPTY__INIT;
    int rc = history_delete(arg, m->at, err);
    if (rc == 0) rpc_answer(r, &reply.base, STR_EMPTY);
    return rc;
}

int quota_serve(struct quota *q) {
    static const struct rpc_server_method methods[] = {{QUOTA_STATUS, handle_status, false},
                                                       {QUOTA_RUN, handle_run, true},
                                                       {QUOTA_HISTORY, handle_history, true},
                                                       {QUOTA_REPORT, handle_report, true},
                                                       {QUOTA_REPORT_DELETE, handle_delete, true}};
    static const struct rpc_server_ops ops = {.methods = methods, .count = sizeof methods / sizeof methods[0]};
    return rpc_server_new(&quota_service, &ops, q, &q->server);
}

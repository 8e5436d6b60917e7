/* What the command line asks: the state of names, and a renewal at once. */
#include "acme/acme.h"

#include "base/log.h"

static int handle_renew(struct rpc_request *q, struct error *err, void *arg) {
    struct acme *a = arg;
    const Acme__Renew *m = (const void *)q->msg;
    log_event(LOG_MESSAGE, "-", "acme", "name=%.200s asked_by=%s", m->name, rpc_session_name(q->session));
    int rc = acme_renew(a, m->name, err);
    if (rc != 0) return rc;
    Acme__Empty empty = ACME__EMPTY__INIT;
    rpc_answer(q, &empty.base, STR_EMPTY);
    return 0;
}

static int handle_name(struct rpc_request *q, struct error *err, void *arg) {
    struct acme *a = arg;
    const Acme__Renew *m = (const void *)q->msg;
    struct acme_name n;
    Acme__State s = ACME__STATE__INIT;
    if (a->state == NULL) return error_set(err, ERR_AGAIN, "the state was not read yet");
    acme_state_get(a->state, m->name, &n);
    s.failures = n.failures;
    s.next = n.next;
    s.last = n.last;
    s.problem = n.problem;
    rpc_answer(q, &s.base, STR_EMPTY);
    return 0;
}

int acme_serve(struct acme *a) {
    static const struct rpc_server_method methods[] = {{ACME_RENEW, handle_renew, true},
                                                       {ACME_NAME, handle_name, false}};
    static const struct rpc_server_ops ops = {.methods = methods, .count = sizeof methods / sizeof methods[0]};
    return rpc_server_new(&acme_service, &ops, a, &a->server);
}

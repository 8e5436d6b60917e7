/* What the command line asks of smtpc: `iems atrn`. */
#include "rpc/smtpc_methods.h"
#include "smtpc/smtpc.h"

enum { DOMAINS_LIST_MAX = 8 * 1024 };

static int handle_fetch(struct rpc_request *q, struct error *err, void *arg) {
    const Smtpc__Fetch *m = (const void *)q->msg;
    Smtpc__Fetched answer = SMTPC__FETCHED__INIT;
    struct fetched done;
    BUF_AUTO domains = BUF_INIT(DOMAINS_LIST_MAX);
    for (size_t i = 0; i < m->n_domains; i++) buf_printf(&domains, "%s ", m->domains[i]);
    if (domains.error != 0) return error_set(err, ERR_LIMIT, "too many domains");
    int rc = smtpc_fetch(arg, m->name, buf_str(&domains), q->arena, &done, err);
    if (rc != 0) return rc;
    Smtpc__Reply *replies = arena_alloc(q->arena, done.count * sizeof *replies + 1);
    answer.replies = arena_alloc(q->arena, done.count * sizeof(Smtpc__Reply *) + 1);
    if (replies == NULL || answer.replies == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < done.count; i++) {
        smtpc__reply__init(&replies[i]);
        replies[i].domain = (char *)(uintptr_t)done.replies[i].domain;
        replies[i].code = done.replies[i].code;
        replies[i].text = (char *)(uintptr_t)done.replies[i].text;
        answer.replies[i] = &replies[i];
    }
    answer.n_replies = done.count;
    answer.bytes = done.bytes;
    answer.came = done.came;
    answer.messages = done.messages;
    answer.counted = done.counted;
    rpc_answer(q, &answer.base, STR_EMPTY);
    return 0;
}

int smtpc_serve(struct smtpc *s) {
    static const struct rpc_server_method methods[] = {{SMTPC_FETCH, handle_fetch, true}};
    static const struct rpc_server_ops ops = {.methods = methods, .count = sizeof methods / sizeof methods[0]};
    return rpc_server_new(&smtpc_service, &ops, s, &s->server);
}

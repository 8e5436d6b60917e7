/* What the command line asks: something of a host, which may be this one, or which hosts there are. */
#include "remote/remote.h"

#include "base/log.h"

#include <strings.h>

/* This host needs no row, and no connection. */
static bool is_own(const struct remote *r, const char *host) {
    return strcasecmp(host, daemon_hostname(r->daemon)) == 0;
}

static int handle_ask(struct rpc_request *rq, struct error *err, void *arg) {
    struct remote *r = arg;
    const Remote__Ask *ask = (const void *)rq->msg;
    struct remote_request q;
    ProtobufCMessage *reply = NULL;
    int rc = remote_request_take(ask, rq->method, &q, err);
    if (rc != 0) return rc;
    rc = is_own(r, ask->host) ? remote_perform(r, &q, rq->arena, &reply, err)
                              : remote_call(r, ask->host, &q, rq->arena, &reply, err);
    if (remote_method_changes(q.method)) {
        log_event(LOG_MESSAGE, "-", "remote-asked", "host=%.200s by=%s method=%s module=%s verb=%s result=\"%s\"",
                  ask->host, q.by, remote_method_name(q.method), q.module[0] == '\0' ? "-" : q.module,
                  q.verb[0] == '\0' ? "-" : q.verb, rc == 0 ? "done" : err_name(rc));
    }
    if (rc == 0) rpc_answer(rq, reply, STR_EMPTY);
    return rc;
}

static Remote__Host *add(Remote__Hosts *all, struct arena *arena, const char *name) {
    Remote__Host *h = arena_alloc(arena, sizeof *h);
    if (h == NULL) return NULL;
    remote__host__init(h);
    h->name = (char *)(uintptr_t)name;
    all->list[all->n_list++] = h;
    return h;
}

static int handle_hosts(struct rpc_request *rq, struct error *err, void *arg) {
    struct remote *r = arg;
    const struct table *t = table_find(STR("host"));
    const struct rows *rows = remote_rows(r);
    Remote__Hosts all = REMOTE__HOSTS__INIT;
    bool own_listed = false;
    all.list = arena_alloc(rq->arena, (rows_count(rows) + 1) * sizeof(Remote__Host *));
    if (all.list == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < rows_count(rows); i++) {
        const struct row *row = rows_at(rows, i);
        Remote__Host *h = add(&all, rq->arena, row_key(row));
        if (h == NULL) return error_set(err, ERR_NOMEM, "out of memory");
        h->control = (char *)(uintptr_t)row_str(t, row, "control");
        h->role = (char *)(uintptr_t)remote_role_name(hosts_role(row));
        h->has_key = row_str(t, row, "fingerprint")[0] != '\0';
        h->note = (char *)(uintptr_t)row_str(t, row, "note");
        h->mail = (char *)(uintptr_t)row_str(t, row, "mail");
        h->own = is_own(r, h->name);
        own_listed = own_listed || h->own;
    }
    Remote__Host *own = own_listed ? NULL : add(&all, rq->arena, daemon_hostname(r->daemon));
    if (own != NULL) own->own = true;
    all.directory_away = !rpc_client_is_connected(r->dir);
    rpc_answer(rq, &all.base, STR_EMPTY);
    return 0;
}

int remote_serve(struct remote *r) {
    static const struct rpc_server_method methods[] = {
        {REMOTE_STATE, handle_ask, true},  {REMOTE_METRICS, handle_ask, true},   {REMOTE_ACTION, handle_ask, true},
        {REMOTE_RELOAD, handle_ask, true}, {REMOTE_LOG_LEVEL, handle_ask, true}, {REMOTE_HOSTS, handle_hosts, false}};
    static const struct rpc_server_ops ops = {.methods = methods, .count = sizeof methods / sizeof methods[0]};
    return rpc_server_new(&remote_service, &ops, r, &r->server);
}

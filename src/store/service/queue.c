/* Queue methods: take the request apart, call the queue, answer. */
#include "store/service/private.h"

static int answer_empty(struct rpc_request *r) {
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_queue_submit) {
    struct service *s = arg;
    const Store__QueueSubmit *req = (const Store__QueueSubmit *)r->msg;
    Store__QueueSubmitted reply = STORE__QUEUE_SUBMITTED__INIT;
    struct upload *u = NULL;
    int rc = space_refuse(s, err);
    if (rc == 0) rc = usages_enter(s, req, err);
    if (rc != 0) return rc;
    if (req->upload != 0) {
        u = conn_upload_take(conn_of(r), req->upload);
        if (u == NULL) rc = error_set(err, ERR_NOTFOUND, "there is no upload %llu", (unsigned long long)req->upload);
    }
    if (rc == 0) rc = queue_submit(s->q, req, u, r->attach, &reply.id, err);
    if (rc == ERR_INVALID || rc == ERR_LIMIT) /* refused before anything was taken over */
        if (u != NULL) upload_drop(s->bs, u);
    if (rc != 0) {
        usages_leave(s, req->entry);
        return rc;
    }
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_queue_listen) {
    struct service *s = arg;
    int rc = queue_listen(s->q, &conn_of(r)->client, (const Store__QueueListen *)r->msg, err);
    return rc != 0 ? rc : answer_empty(r);
}

HANDLER(on_queue_lease) {
    struct service *s = arg;
    Store__QueueLeased reply = STORE__QUEUE_LEASED__INIT;
    int rc = queue_lease(s->q, &conn_of(r)->client, (const Store__QueueLease *)r->msg, &reply.count, err);
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_queue_commit) {
    struct service *s = arg;
    Store__QueueCommitted reply = STORE__QUEUE_COMMITTED__INIT;
    const Store__QueueCommit *req = (const Store__QueueCommit *)r->msg;
    int rc = queue_commit(s->q, &conn_of(r)->client, req, r->attach, r->arena, &reply, err);
    if (rc != 0) return rc;
    usages_bounced(s, req->user, req->bounced);
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_queue_read) {
    struct service *s = arg;
    const Store__QueueRead *req = (const Store__QueueRead *)r->msg;
    Store__QueueReadReply reply = STORE__QUEUE_READ_REPLY__INIT;
    BUF_AUTO out = BUF_INIT(RPC_CHUNK_MAX);
    int rc = queue_read(s->q, req->id, req->offset, req->length, &out, &reply.total, err);
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, buf_str(&out));
    return 0;
}

HANDLER(on_destination_defer) {
    struct service *s = arg;
    int rc = queue_destination_defer(s->q, (const Store__DestinationDefer *)r->msg, err);
    return rc != 0 ? rc : answer_empty(r);
}

HANDLER(on_destination_list) {
    struct service *s = arg;
    Store__DestinationListed reply = STORE__DESTINATION_LISTED__INIT;
    int rc = queue_destination_list(s->q, (const Store__DestinationList *)r->msg, r->arena, &reply);
    if (rc != 0) return error_set(err, rc, "the destinations cannot be listed: %s", err_name(rc));
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_queue_list) {
    struct service *s = arg;
    Store__QueueListed reply = STORE__QUEUE_LISTED__INIT;
    int rc = queue_list(s->q, (const Store__QueueList *)r->msg, r->arena, &reply, err);
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_queue_action) {
    struct service *s = arg;
    Store__QueueActed reply = STORE__QUEUE_ACTED__INIT;
    int rc = queue_action(s->q, (const Store__QueueAction *)r->msg, &reply.count, err);
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_queue_run) {
    struct service *s = arg;
    Store__QueueRan reply = STORE__QUEUE_RAN__INIT;
    int rc = queue_run(s->q, (const Store__QueueRun *)r->msg, &reply, err);
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_queue_stats) {
    struct service *s = arg;
    (void)err;
    Store__QueueStats reply = STORE__QUEUE_STATS__INIT;
    queue_stats(s->q, r->arena, &reply);
    reply.disk_total = s->space.total;
    reply.disk_free = s->space.free;
    reply.accepting = s->space.accepting;
    reply.disk_warning = s->space.warned;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_trace_add) {
    struct service *s = arg;
    int rc = queue_trace_add(s->q, (const Store__TraceAdd *)r->msg, err);
    return rc != 0 ? rc : answer_empty(r);
}

HANDLER(on_trace_find) {
    struct service *s = arg;
    const Store__TraceFind *req = (const Store__TraceFind *)r->msg;
    Store__TraceFound reply = STORE__TRACE_FOUND__INIT;
    int rc = queue_trace_find(s->q, str_from(req->key), req->limit, r->arena, &reply, err);
    if (rc != 0) return rc;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

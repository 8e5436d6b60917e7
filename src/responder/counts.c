/* What the workers of a module count together: each asks before it serves a connection and tells when a session ends.
 * What a worker has counted goes with its connection to us, so nothing is left of one that died. */
#include "responder/responder.h"

#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

struct request {
    struct counter list[COUNTERS_AT_ONCE];
    char keys[COUNTERS_AT_ONCE][COUNTER_KEY_MAX + 16];
    size_t count;
};

/* Keys are those of the module: no other can touch them. */
static int request_read(const struct rpc_request *q, struct request *out, struct error *err) {
    const Control__Counters *m = (const void *)q->msg;
    struct str module = str_from(rpc_session_name(q->session));
    out->count = m->n_list;
    if (m->n_list > COUNTERS_AT_ONCE) return error_set(err, ERR_LIMIT, "too many counters");
    for (size_t i = 0; i < m->n_list; i++) {
        struct str key = rpc_bytes(m->list[i]->key);
        if (key.len > COUNTER_KEY_MAX || module.len + 1 + key.len > sizeof out->keys[i])
            return error_set(err, ERR_LIMIT, "the key is too long");
        memcpy(out->keys[i], module.ptr, module.len);
        out->keys[i][module.len] = ' ';
        if (key.len > 0) memcpy(out->keys[i] + module.len + 1, key.ptr, key.len);
        out->list[i] = (struct counter){
            .key = str_of(out->keys[i], module.len + 1 + key.len), .max = m->list[i]->max, .rate = m->list[i]->rate};
    }
    return 0;
}

/* What this worker has. */
static struct counters *part_of(struct rpc_session *s) {
    struct counters *part = rpc_session_data(s);
    if (part != NULL) return part;
    part = calloc(1, sizeof *part);
    if (part == NULL || counters_init(part) != 0) {
        free(part);
        return NULL;
    }
    rpc_session_set_data(s, part);
    return part;
}

/* Only sessions are a worker's own, and they have their limit already. */
static bool part_enter(struct counters *part, const struct request *in) {
    struct counter own[COUNTERS_AT_ONCE];
    size_t count = 0;
    for (size_t i = 0; i < in->count; i++)
        if (!in->list[i].rate) own[count++] = (struct counter){.key = in->list[i].key};
    return counters_enter(part, own, count, 0) == count;
}

int handle_count_enter(struct rpc_request *q, struct error *err, void *arg) {
    struct responder *r = arg;
    struct request in;
    struct counters *part = part_of(q->session);
    int rc = part == NULL ? ERR_NOMEM : request_read(q, &in, err);
    if (rc != 0) return rc;
    size_t place = counters_enter(&r->counters, in.list, in.count, loop_now_ms());
    if (place == in.count && !part_enter(part, &in)) {
        counters_undo(&r->counters, in.list, in.count);
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    Control__Counted reply = CONTROL__COUNTED__INIT;
    reply.full = place < in.count;
    reply.place = (uint32_t)place;
    rpc_answer(q, &reply.base, STR_EMPTY);
    return 0;
}

/* What it has not entered cannot be taken away from others. */
int handle_count_leave(struct rpc_request *q, struct error *err, void *arg) {
    struct responder *r = arg;
    struct request in;
    struct counters *part = part_of(q->session);
    int rc = part == NULL ? ERR_NOMEM : request_read(q, &in, err);
    if (rc != 0) return rc;
    for (size_t i = 0; i < in.count; i++) {
        if (counters_sessions(part, in.list[i].key) == 0) continue;
        counters_leave(part, &in.list[i], 1);
        counters_leave(&r->counters, &in.list[i], 1);
    }
    Control__Empty empty = CONTROL__EMPTY__INIT;
    rpc_answer(q, &empty.base, STR_EMPTY);
    return 0;
}

void counts_session_closed(struct rpc_session *s, void *arg) {
    struct responder *r = arg;
    struct counters *part = rpc_session_data(s);
    if (part == NULL) return;
    rpc_session_set_data(s, NULL);
    counters_leave_all(&r->counters, part);
    counters_done(part);
    free(part);
}

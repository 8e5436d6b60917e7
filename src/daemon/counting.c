#include "daemon/counting.h"

#include "base/log.h"
#include "net/loop.h"
#include "rpc/control_methods.h"

enum { COUNT_TIMEOUT_MS = 5 * 1000 };

int counting_init(struct counting *c) {
    c->control = NULL;
    return counters_init(&c->own);
}

void counting_done(struct counting *c) {
    counters_done(&c->own);
}

static int tell(struct counting *c, enum control_method method, const struct counter *list, size_t count,
                struct rpc_reply *reply) {
    Control__Counter items[COUNTERS_AT_ONCE], *pointers[COUNTERS_AT_ONCE];
    Control__Counters request = CONTROL__COUNTERS__INIT;
    struct error err = {0};
    IEMS_ASSERT(count <= COUNTERS_AT_ONCE);
    for (size_t i = 0; i < count; i++) {
        control__counter__init(&items[i]);
        items[i].key = rpc_binary(list[i].key);
        items[i].max = list[i].max;
        items[i].rate = list[i].rate;
        pointers[i] = &items[i];
    }
    request.list = pointers;
    request.n_list = count;
    int rc = rpc_call(c->control, method, &request.base, STR_EMPTY, loop_now_ms() + COUNT_TIMEOUT_MS, reply, &err);
    if (rc != 0 && rc != ERR_CANCELLED)
        log_event(LOG_WARNING, "-", "not_counted", "reason=\"%s\" effect=\"limits hold for each worker\"", err.text);
    return rc;
}

size_t counting_enter(struct counting *c, const struct counter *list, size_t count) {
    RPC_REPLY_AUTO reply = {0};
    size_t full = counters_enter(&c->own, list, count, loop_now_ms());
    if (full < count || c->control == NULL || tell(c, CONTROL_COUNT_ENTER, list, count, &reply) != 0) return full;
    const Control__Counted *counted = (const void *)reply.msg;
    if (!counted->full || counted->place >= count) return count;
    counters_undo(&c->own, list, count);
    return counted->place;
}

void counting_leave(struct counting *c, const struct str *keys, size_t count) {
    struct counter list[COUNTERS_AT_ONCE];
    size_t used = 0;
    IEMS_ASSERT(count <= COUNTERS_AT_ONCE);
    for (size_t i = 0; i < count; i++)
        if (keys[i].len > 0) list[used++] = (struct counter){.key = keys[i]};
    counters_leave(&c->own, list, used);
    if (c->control != NULL) (void)tell(c, CONTROL_COUNT_LEAVE, list, used, NULL);
}

unsigned counting_sessions(const struct counting *c) {
    return counters_sessions(&c->own, COUNTING_ALL);
}

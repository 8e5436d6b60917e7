/* Calls on a leased entry: commit, defer, read. */
#include "channel/channel.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "proto/dsn/dsn.h"

enum { READ_MAX = RPC_CHUNK_MAX };

int lease_commit(struct lease *l, Store__QueueCommit *commit, struct str attach, struct rpc_reply *reply) {
    if (!lease_valid(l)) return ERR_CANCELLED;
    struct error err = {0};
    commit->id = l->entry->id;
    if (commit->bounced > 0) commit->user = l->entry->auth_user;
    int rc = rpc_call(channel_store(l->channel), STORE_QUEUE_COMMIT, &commit->base, attach,
                      loop_now_ms() + CHANNEL_CALL_MS, reply, &err);
    if (rc == 0) return 0;
    log_event(LOG_ERROR, l->entry->trace, "commit-failed", "id=%llu code=\"%s\" error=\"%s\"",
              (unsigned long long)l->entry->id, err_name(rc), err.text);
    if (rc == ERR_TIMEOUT && lease_valid(l)) rpc_client_reset(channel_store(l->channel));
    return rc;
}

int lease_defer(struct lease *l, int64_t ready, const char *reason, char *trace_line) {
    Store__QueueCommit commit = STORE__QUEUE_COMMIT__INIT;
    Store__Entry update = *l->entry;
    update.ready = ready;
    update.attempts++;
    update.reason = (char *)(uintptr_t)reason;
    update.summary = (ProtobufCBinaryData){0, NULL};
    commit.defer = true;
    commit.update = &update;
    if (trace_line != NULL) {
        commit.n_trace = 1;
        commit.trace = &trace_line;
    }
    return lease_commit(l, &commit, STR_EMPTY, NULL);
}

int lease_read(struct lease *l, uint64_t offset, uint64_t length, struct str *out, uint64_t *total, struct error *err) {
    if (l->has_body) {
        *out = str_sub(l->body, offset, length);
        if (total != NULL) *total = l->body.len;
        return 0;
    }
    if (!lease_valid(l)) return error_set(err, ERR_CANCELLED, "connection to the store was lost");
    Store__QueueRead request = STORE__QUEUE_READ__INIT;
    request.id = l->entry->id;
    request.offset = offset;
    request.length = length < READ_MAX ? length : READ_MAX;
    RPC_REPLY_AUTO reply = {0};
    int rc = rpc_call(channel_store(l->channel), STORE_QUEUE_READ, &request.base, STR_EMPTY,
                      loop_now_ms() + CHANNEL_CALL_MS, &reply, err);
    if (rc != 0) return rc;
    struct str copy = arena_str(l->arena, reply.attach);
    if (copy.ptr == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    if (total != NULL) *total = ((const Store__QueueReadReply *)reply.msg)->total;
    *out = copy;
    return 0;
}

int lease_header(struct lease *l, size_t max, struct str *out, struct error *err) {
    struct str first = STR_EMPTY;
    uint64_t total = 0;
    size_t want = 32 * 1024 < max ? 32 * 1024 : max;
    for (;;) {
        int rc = lease_read(l, 0, want, &first, &total, err);
        if (rc != 0) return rc;
        bool whole = str_starts(first, STR("\r\n")) || str_find_str(first, STR("\r\n\r\n")) >= 0;
        if (whole || first.len >= total || want >= max) break;
        want = max;
    }
    struct str header = dsn_header_part(first);
    *out = str_sub(header, 0, max);
    return 0;
}

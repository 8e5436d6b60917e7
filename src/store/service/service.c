#include "store/service/private.h"
#include "store/service/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDLERS(X)                                                                                                    \
    X(STORE_UPLOAD_NEW, on_upload_new, false)                                                                          \
    X(STORE_UPLOAD_APPEND, on_upload_append, true)                                                                     \
    X(STORE_UPLOAD_DROP, on_upload_drop, false)                                                                        \
    X(STORE_QUEUE_SUBMIT, on_queue_submit, true)                                                                       \
    X(STORE_QUEUE_LISTEN, on_queue_listen, false)                                                                      \
    X(STORE_QUEUE_LEASE, on_queue_lease, true)                                                                         \
    X(STORE_QUEUE_COMMIT, on_queue_commit, true)                                                                       \
    X(STORE_QUEUE_READ, on_queue_read, true)                                                                           \
    X(STORE_DESTINATION_DEFER, on_destination_defer, true)                                                             \
    X(STORE_DESTINATION_LIST, on_destination_list, true)                                                               \
    X(STORE_QUEUE_LIST, on_queue_list, true)                                                                           \
    X(STORE_QUEUE_ACTION, on_queue_action, true)                                                                       \
    X(STORE_QUEUE_RUN, on_queue_run, true)                                                                             \
    X(STORE_QUEUE_STATS, on_queue_stats, false)                                                                        \
    X(STORE_TRACE_ADD, on_trace_add, true)                                                                             \
    X(STORE_TRACE_FIND, on_trace_find, true)                                                                           \
    X(STORE_SESSION_OPEN, on_session_open, true)                                                                       \
    X(STORE_SESSION_CLOSE, on_session_close, false)                                                                    \
    X(STORE_FOLDER_LIST, on_folder_list, true)                                                                         \
    X(STORE_FOLDER_STATUS, on_folder_status, true)                                                                     \
    X(STORE_STORE_CHECK, on_store_check, true)                                                                         \
    X(STORE_STORE_CHECK_PROGRESS, on_store_check_progress, false)                                                      \
    X(STORE_FOLDER_CREATE, on_folder_create, true)                                                                     \
    X(STORE_FOLDER_DELETE, on_folder_delete, true)                                                                     \
    X(STORE_FOLDER_RENAME, on_folder_rename, true)                                                                     \
    X(STORE_MESSAGE_STORE, on_message_store, true)                                                                     \
    X(STORE_MESSAGE_COPY, on_message_copy, true)                                                                       \
    X(STORE_MESSAGE_EXPUNGE, on_message_expunge, true)                                                                 \
    X(STORE_ACCOUNT_DELETE, on_account_delete, true)                                                                   \
    X(STORE_ACCOUNT_RESTORE, on_account_restore, true)                                                                 \
    X(STORE_ACCOUNT_INFO, on_account_info, true)                                                                       \
    X(STORE_FOLDER_SUBSCRIBE, on_folder_subscribe, true)                                                               \
    X(STORE_ACCOUNT_WATCH, on_account_watch, true)                                                                     \
    X(STORE_FOLDER_OPEN, on_folder_open, true)                                                                         \
    X(STORE_FOLDER_CLOSE, on_folder_close, false)                                                                      \
    X(STORE_FOLDER_CHANGES, on_folder_changes, true)                                                                   \
    X(STORE_MESSAGE_LIST, on_message_list, true)                                                                       \
    X(STORE_MESSAGE_READ, on_message_read, true)                                                                       \
    X(STORE_MESSAGE_APPEND, on_message_append, true)                                                                   \
    X(STORE_ACL_GET, on_acl_get, true)                                                                                 \
    X(STORE_ACL_CHANGE, on_acl_change, true)                                                                           \
    X(STORE_ACCOUNT_SHARE, on_account_share, true)                                                                     \
    X(STORE_INDEX_TAKE, on_index_take, true)                                                                           \
    X(STORE_INDEX_READ, on_index_read, true)                                                                           \
    X(STORE_INDEX_PUT, on_index_put, true)                                                                             \
    X(STORE_SEARCH_CANDIDATES, on_search_candidates, true)                                                             \
    X(STORE_SEARCH_STATUS, on_search_status, true)                                                                     \
    X(STORE_SEARCH_REBUILD, on_search_rebuild, true)                                                                   \
    X(STORE_QUOTA_GET, on_quota_get, true)                                                                             \
    X(STORE_ACCOUNTS_USAGE, on_accounts_usage, true)                                                                   \
    X(STORE_QUOTA_STATE_SET, on_quota_state_set, true)                                                                 \
    X(STORE_ACCOUNT_LIMITS, on_account_limits, true)                                                                   \
    X(STORE_QUOTA_DOMAINS, on_quota_domains, false)                                                                    \
    X(STORE_ROOM_GET, on_room_get, true)                                                                               \
    X(STORE_USAGE_GET, on_usage_get, false)                                                                            \
    X(STORE_USAGE_BRAKE, on_usage_brake, false)                                                                        \
    X(STORE_USAGE_SLOWED, on_usage_slowed, false)                                                                      \
    X(STORE_CHECKPOINT, on_checkpoint, true)                                                                           \
    X(STORE_CHECKPOINT_DROP, on_checkpoint_drop, true)                                                                 \
    X(STORE_ACCOUNT_LIST, on_account_list, true)                                                                       \
    X(STORE_UNDELETE_LIST, on_undelete_list, true)                                                                     \
    X(STORE_UNDELETE_RESTORE, on_undelete_restore, true)                                                               \
    X(STORE_FOLDER_REBUILD, on_folder_rebuild, true)                                                                   \
    X(STORE_METADATA_GET, on_metadata_get, true)                                                                       \
    X(STORE_METADATA_SET, on_metadata_set, true)                                                                       \
    X(STORE_FILE_LIST, on_file_list, true)                                                                             \
    X(STORE_FILE_STAT, on_file_stat, true)                                                                             \
    X(STORE_FILE_READ, on_file_read, true)                                                                             \
    X(STORE_FILE_PUT, on_file_put, true)                                                                               \
    X(STORE_FILE_MKDIR, on_file_mkdir, true)                                                                           \
    X(STORE_FILE_MOVE, on_file_move, true)                                                                             \
    X(STORE_FILE_COPY, on_file_copy, true)                                                                             \
    X(STORE_FILE_REMOVE, on_file_remove, true)                                                                         \
    X(STORE_FILE_USAGE, on_file_usage, true)                                                                           \
    X(STORE_STATUS, on_status, false)

static int dispatch(struct rpc_request *r, struct error *err, void *arg);

static const struct rpc_server_method methods[] = {
#define X(id, fn, fiber) {id, dispatch, fiber},
    HANDLERS(X)
#undef X
};

static const struct {
    uint16_t id;
    rpc_handler handle;
} handlers[] = {
#define X(id, fn, fiber) {id, fn},
    HANDLERS(X)
#undef X
};

/* Holds the connection, and the service, while a request is under way. */
static int dispatch(struct rpc_request *r, struct error *err, void *arg) {
    struct service *s = arg;
    struct conn *c = conn_of(r);
    int rc = ERR_UNSUPPORTED;
    if (s->closing) return error_set(err, ERR_AGAIN, "the message store is shutting down");
    c->client.pins++;
    s->requests++;
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (handlers[i].id != r->method) continue;
        rc = c->client.gone ? ERR_CLOSED : handlers[i].handle(r, err, arg);
        break;
    }
    s->requests--;
    queue_client_unpin(&c->client);
    return rc;
}

/* --- connections */
static int client_send(struct queue_client *c, uint16_t event, const ProtobufCMessage *msg, struct str attach) {
    struct conn *conn = (struct conn *)c;
    return c->gone ? ERR_CLOSED : rpc_session_event(conn->rpc, event, msg, attach);
}

static bool client_clogged(struct queue_client *c) {
    enum { UNSENT_HIGH = RPC_OUT_MAX / 4 };
    return rpc_session_unsent(((struct conn *)c)->rpc) > UNSENT_HIGH;
}

static void client_released(struct queue_client *c) {
    struct conn *conn = (struct conn *)c;
    map_free(conn->sessions, NULL);
    map_free(conn->uploads, NULL);
    free(conn->checkpoint);
    free(conn);
}

static void session_opened(struct rpc_session *rpc, void *arg) {
    struct service *s = arg;
    struct conn *c = calloc(1, sizeof *c);
    IEMS_ASSERT(c != NULL);
    queue_client_init(&c->client);
    c->client.send = client_send;
    c->client.clogged = client_clogged;
    c->client.released = client_released;
    c->s = s;
    c->rpc = rpc;
    c->uploads = map_new(MAP_BYTES);
    c->sessions = map_new(MAP_BYTES);
    list_push_back(&s->conns, &c->link);
    rpc_session_set_data(rpc, c);
}

static void drop_uploads(struct conn *c) {
    struct str key;
    void *u;
    for (size_t pos = 0; map_next(c->uploads, &pos, &key, &u);) {
        map_remove(c->uploads, key);
        upload_drop(c->s->bs, u);
    }
}

static void session_closed(struct rpc_session *rpc, void *arg) {
    struct service *s = arg;
    struct conn *c = rpc_session_data(rpc);
    list_remove(&c->link);
    index_gone(s, c);
    conn_sessions_close(c);
    drop_uploads(c);
    conn_checkpoint_drop(c);
    queue_client_gone(s->q, &c->client);
}

int service_add(struct service *s, int fd, uint32_t role, const char *name) {
    return rpc_server_add(s->server, fd, role, name);
}

/* --- life */
static void on_healed(void *arg, uint64_t account) {
    char text[200];
    (void)snprintf(text, sizeof text,
                   "account=%llu help=\"records of the mailbox were damaged and were put right: iems rebuild\"",
                   (unsigned long long)account);
    notice_log(arg, "mailbox-healed", "-", text);
}

static int open_parts(struct service *s, const struct service_config *cfg, struct error *err) {
    struct rpc_server_ops ops = {.methods = methods,
                                 .count = sizeof methods / sizeof methods[0],
                                 .session_opened = session_opened,
                                 .session_closed = session_closed};
    s->bs = blobs_new(s->st);
    s->m = mailboxes_new(s->st, s->bs, cfg->mailbox_cache);
    mailboxes_on_healed(s->m, on_healed, s);
    s->q = queue_new(s->st, s->bs, s->m);
    s->files = files_new(s->st, s->bs);
    queue_set_trace_days(s->q, cfg->trace_days);
    queue_on_quarantined(s->q, notice_quarantined, s);
    index_open(s);
    shelves_init(&s->shelves);
    folds_init(&s->folds);
    transfers_init(&s->transfers);
    uint64_t removed = 0;
    int rc = blobs_recover(s->bs, &removed);
    if (rc != 0) return error_set(err, rc, "left-over uploads cannot be removed: %s", err_name(rc));
    rc = transfers_recover(s, err); /* the flags of its messages may be in a fold */
    if (rc != 0) return rc;
    rc = folds_recover(s, err);
    if (rc != 0) return rc;
    rc = queue_start(s->q, err);
    if (rc != 0) return rc;
    rc = index_start(s, err);
    if (rc != 0) return rc;
    rc = usages_start(s, err);
    if (rc != 0) return rc;
    rc = files_start(s->files, err);
    if (rc != 0) return rc;
    rc = purge_start(s, err);
    if (rc == 0) rc = transfers_recover_old(s, err);
    if (rc == 0) undelete_start(s);
    return rc != 0 ? rc : rpc_server_new(&store_service, &ops, s, &s->server);
}

int service_open(const struct service_config *cfg, struct service **out, struct error *err) {
    struct service *s = calloc(1, sizeof *s);
    IEMS_ASSERT(s != NULL && cfg->ticket_key.len == TICKET_KEY_LEN);
    memcpy(s->ticket_key, cfg->ticket_key.ptr, TICKET_KEY_LEN);
    list_init(&s->conns);
    list_init(&s->purges);
    semaphore_init(&s->undelete.turn, 1);
    s->undelete.keep_ms = cfg->undelete_s * 1000;
    if (cfg->data_dir != NULL) checkpoints_clear(cfg->data_dir);
    semaphore_init(&s->metadata, 1);
    notice_init(s, cfg);
    int rc = store_open(cfg->engine, cfg->failed, cfg->arg, &s->st, err);
    if (rc != 0) {
        notice_done(s);
        free(s);
        return rc;
    }
    rc = open_parts(s, cfg, err);
    if (rc != 0) {
        service_close(s);
        return rc;
    }
    space_start(s, cfg->data_dir, cfg->drive_min, cfg->drive_warn);
    pages_start(s);
    *out = s;
    return 0;
}

int service_hold(struct service *s) {
    int rc = transfers_hold(s);
    if (rc != 0) return rc;
    rc = folds_hold(s);
    if (rc != 0) transfers_release(s);
    return rc;
}

void service_release(struct service *s) {
    folds_release(s);
    transfers_release(s);
}

void service_close(struct service *s) {
    if (s == NULL) return;
    s->closing = true;
    space_stop(s);
    undelete_stop(s);
    index_stop(s);
    usages_stop(s);
    folds_stop(s);
    transfers_stop(s);
    notice_stop(s);
    queue_stop(s->q);
    if (s->files != NULL) files_stop(s->files);
    rpc_server_free(s->server);
    pages_stop(s);
    /* Requests under way end with the next commits; then nothing refers to the parts. */
    (void)!store_wait_durable(s->st, commit_last(s->st->commits));
    for (int i = 0; i < 100 && (s->requests > 0 || files_busy(s->files)); i++)
        if (fiber_sleep(10) != 0) break;
    shelves_done(&s->shelves);
    if (s->requests == 0 && !files_busy(s->files)) {
        queue_free(s->q);
        files_free(s->files);
        transfers_done(s);
        mailboxes_free(s->m);
        blobs_free(s->bs);
    }
    store_close(s->st);
    notice_done(s);
    free(s);
}

void service_set_undelete(struct service *s, uint64_t seconds) {
    s->undelete.keep_ms = seconds * 1000;
}

void service_set_quarantine_quiet(struct service *s, bool quiet) {
    s->notices.quiet[NOTICE_QUARANTINE] = quiet;
}

void service_set_limits(struct service *s, uint64_t drive_min, uint64_t drive_warn, unsigned trace_days) {
    s->space.min = drive_min;
    s->space.warn = drive_warn;
    queue_set_trace_days(s->q, trace_days);
    space_check(s);
}

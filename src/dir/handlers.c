/* The table of the directory service: which handler, and whether it may wait. */
#include "dir/dir.h"
#include "dir/watchers.h"

/* X(NAME, handler, may wait) */
#define HANDLERS(X)                                                                                                    \
    X(RESOLVE, handle_resolve, false)                                                                                  \
    X(RESOLVE_MANY, handle_resolve_many, false)                                                                        \
    X(AUTH_START, handle_auth_start, true)                                                                             \
    X(AUTH_STEP, handle_auth_step, true)                                                                               \
    X(AUTH_DROP, handle_auth_drop, false)                                                                              \
    X(SENDER_CHECK, handle_sender_check, false)                                                                        \
    X(CONFIG_WATCH, handle_config_watch, false)                                                                        \
    X(OPTION_SET, handle_option_set, true)                                                                             \
    X(TABLE_SET, handle_table_set, true)                                                                               \
    X(TABLE_UNSET, handle_table_unset, true)                                                                           \
    X(TABLE_DELETE, handle_table_delete, true)                                                                         \
    X(TABLE_LIST, handle_table_list, false)                                                                            \
    X(TABLE_WATCH, handle_table_watch, false)                                                                          \
    X(DOMAINS_WATCH, handle_domains_watch, false)                                                                      \
    X(USER_ADD, handle_user_add, true)                                                                                 \
    X(USER_SET, handle_user_set, true)                                                                                 \
    X(USER_GET, handle_user_get, false)                                                                                \
    X(USER_DELETE, handle_user_delete, true)                                                                           \
    X(USER_FIND, handle_user_find, false)                                                                              \
    X(USER_UNDELETE, handle_user_undelete, true)                                                                       \
    X(USER_DELETED, handle_user_deleted, false)                                                                        \
    X(DOMAIN_ADD, handle_domain_add, true)                                                                             \
    X(DOMAIN_SET, handle_domain_set, true)                                                                             \
    X(DOMAIN_DELETE, handle_domain_delete, true)                                                                       \
    X(DOMAIN_LIST, handle_domain_list, false)                                                                          \
    X(ALIAS_ADD, handle_alias_add, true)                                                                               \
    X(ALIAS_DELETE, handle_alias_delete, true)                                                                         \
    X(SESSION_REPORT, handle_session_report, false)                                                                    \
    X(SESSION_LIST, handle_session_list, false)                                                                        \
    X(SESSION_DISCONNECT, handle_session_disconnect, false)                                                            \
    X(SHARED_ADD, handle_shared_add, true)                                                                             \
    X(SHARED_SET, handle_shared_set, true)                                                                             \
    X(SHARED_GET, handle_shared_get, false)                                                                            \
    X(SHARED_FIND, handle_shared_find, false)                                                                          \
    X(SHARED_MEMBER, handle_shared_member, true)                                                                       \
    X(SHARED_DELETE, handle_shared_delete, true)                                                                       \
    X(SESSION_TICKET, handle_session_ticket, false)

static int run(dir_handler *handler, struct rpc_request *r, struct error *err, void *arg) {
    struct dir *d = arg;
    if (!d->synced) return error_set(err, ERR_AGAIN, "the directory is not ready yet");
    return handler(d, r, err);
}

#define X(NAME, handler, waits)                                                                                        \
    static int run_##NAME(struct rpc_request *r, struct error *err, void *arg) {                                       \
        return run(handler, r, err, arg);                                                                              \
    }
HANDLERS(X)
#undef X

static const struct rpc_server_method methods[] = {
#define X(NAME, handler, waits) {DIR_##NAME, run_##NAME, waits},
    HANDLERS(X)
#undef X
};

static void session_closed(struct rpc_session *s, void *arg) {
    watcher_forget(s);
    sessions_forget(s);
    exchanges_close_session(arg, rpc_session_id(s));
}

const struct rpc_server_ops dir_server_ops = {
    .methods = methods, .count = sizeof methods / sizeof methods[0], .session_closed = session_closed};

/* The table of the store service (store.proto): id, name, who may call, request, reply. The only dispatch. */
#ifndef IEMS_RPC_STORE_METHODS_H
#define IEMS_RPC_STORE_METHODS_H

#include "rpc/rpc.h"
#include "rpc/store.pb-c.h"

#define ROLES_BODY (ROLE_SMTPD | ROLE_IMAPD | ROLE_WEBD | ROLE_BSMTP | ROLE_MTA | ROLE_LMDA | ROLE_DLM | ROLE_CLI)
#define ROLES_SUBMIT                                                                                                   \
    (ROLE_ACME | ROLE_QUOTA | ROLE_SMTPD | ROLE_WEBD | ROLE_BSMTP | ROLE_LMDA | ROLE_IMAPD | ROLE_CLI | ROLE_SMTPC)
#define ROLES_CHANNEL (ROLE_MTA | ROLE_SMTPC | ROLE_LMDA | ROLE_DLM | ROLE_BSMTP)
#define ROLES_QADMIN  (ROLE_CLI | ROLE_WEBD | ROLE_SMTPC)
#define ROLES_MAILBOX (ROLE_IMAPD | ROLE_POP3D | ROLE_WEBD | ROLE_CLI)
#define ROLES_READER  (ROLES_MAILBOX | ROLE_SMTPD) /* smtpd: BURL, with the ticket of the user who logged in */
#define ROLES_ACCOUNT (ROLE_DIR | ROLE_CLI)
#define ROLES_QUOTA   (ROLE_QUOTA | ROLE_CLI | ROLE_WEBD)
#define ROLES_FILES   (ROLE_CLI | ROLE_WEBD)
#define ROLES_ANY     0xffffffffu

/* X(id, NAME, roles, request message, reply message) */
#define STORE_METHODS(X)                                                                                               \
    X(1, UPLOAD_NEW, ROLES_BODY, upload_new, upload_handle)                                                            \
    X(2, UPLOAD_APPEND, ROLES_BODY, upload_append, empty)                                                              \
    X(3, UPLOAD_DROP, ROLES_BODY, upload_drop, empty)                                                                  \
    X(10, QUEUE_SUBMIT, ROLES_SUBMIT, queue_submit, queue_submitted)                                                   \
    X(11, QUEUE_LISTEN, ROLES_CHANNEL, queue_listen, empty)                                                            \
    X(12, QUEUE_LEASE, ROLES_CHANNEL, queue_lease, queue_leased)                                                       \
    X(13, QUEUE_COMMIT, ROLES_CHANNEL, queue_commit, queue_committed)                                                  \
    X(14, QUEUE_READ, ROLES_CHANNEL | ROLES_QADMIN, queue_read, queue_read_reply)                                      \
    X(15, DESTINATION_DEFER, ROLES_QADMIN, destination_defer, empty)                                                   \
    X(16, DESTINATION_LIST, ROLES_QADMIN, destination_list, destination_listed)                                        \
    X(20, QUEUE_LIST, ROLES_QADMIN, queue_list, queue_listed)                                                          \
    X(21, QUEUE_ACTION, ROLES_QADMIN, queue_action, queue_acted)                                                       \
    X(22, QUEUE_STATS, ROLES_ANY, empty, queue_stats)                                                                  \
    X(23, TRACE_ADD, ROLES_ANY, trace_add, empty)                                                                      \
    X(24, TRACE_FIND, ROLE_CLI | ROLE_WEBD, trace_find, trace_found)                                                   \
    X(25, STORE_CHECK, ROLE_CLI, store_check_request, store_check_reply)                                               \
    X(26, QUEUE_RUN, ROLE_SMTPD | ROLE_CLI | ROLE_WEBD | ROLE_SMTPC, queue_run, queue_ran)                             \
    X(27, STORE_CHECK_PROGRESS, ROLE_CLI | ROLE_REMOTE, store_check_progress_request, store_check_progress)            \
    X(30, SESSION_OPEN, ROLES_READER, session_open, session_opened)                                                    \
    X(31, SESSION_CLOSE, ROLES_READER, session_close, empty)                                                           \
    X(32, FOLDER_LIST, ROLES_MAILBOX, folder_list, folder_listed)                                                      \
    X(33, FOLDER_STATUS, ROLES_MAILBOX, folder_name, folder)                                                           \
    X(34, FOLDER_CREATE, ROLES_MAILBOX, folder_create, folder)                                                         \
    X(35, FOLDER_DELETE, ROLES_MAILBOX, folder_name, empty)                                                            \
    X(36, FOLDER_RENAME, ROLES_MAILBOX, folder_rename, empty)                                                          \
    X(37, FOLDER_SUBSCRIBE, ROLES_MAILBOX, folder_subscribe, empty)                                                    \
    X(38, FOLDER_OPEN, ROLES_READER, folder_open, folder_opened)                                                       \
    X(39, FOLDER_CLOSE, ROLES_READER, folder_close, empty)                                                             \
    X(40, FOLDER_CHANGES, ROLES_MAILBOX, folder_changes, folder_changes_reply)                                         \
    X(41, MESSAGE_LIST, ROLES_MAILBOX, message_list, message_listed)                                                   \
    X(42, MESSAGE_READ, ROLES_READER, message_read, message_read_reply)                                                \
    X(43, MESSAGE_STORE, ROLES_MAILBOX, message_store, message_stored)                                                 \
    X(44, MESSAGE_COPY, ROLES_MAILBOX, message_copy, message_copied)                                                   \
    X(45, MESSAGE_APPEND, ROLES_MAILBOX, message_append, message_appended)                                             \
    X(46, MESSAGE_EXPUNGE, ROLES_MAILBOX, message_expunge, message_expunged)                                           \
    X(47, QUOTA_GET, ROLES_MAILBOX, quota_get, quota_info)                                                             \
    X(48, METADATA_GET, ROLES_READER, folder_name, metadata)                                                           \
    X(49, METADATA_SET, ROLES_MAILBOX, metadata_set, empty)                                                            \
    X(93, ACCOUNT_WATCH, ROLES_MAILBOX, account_watch, empty)                                                          \
    X(90, ACL_GET, ROLES_MAILBOX, acl_get, acl_got)                                                                    \
    X(91, ACL_CHANGE, ROLES_MAILBOX, acl_change, empty)                                                                \
    X(92, ACCOUNT_SHARE, ROLE_DIR, account_share, empty)                                                               \
    X(100, INDEX_TAKE, ROLE_INDEX, index_take, index_bodies)                                                           \
    X(101, INDEX_READ, ROLE_INDEX, index_read, empty)                                                                  \
    X(102, INDEX_PUT, ROLE_INDEX, index_put, empty)                                                                    \
    X(103, SEARCH_CANDIDATES, ROLES_MAILBOX, search_candidates, search_found)                                          \
    X(104, SEARCH_STATUS, ROLE_CLI | ROLE_WEBD, search_status_request, search_status)                                  \
    X(105, SEARCH_REBUILD, ROLE_CLI | ROLE_WEBD, search_rebuild, search_rebuilt)                                       \
    X(60, ACCOUNT_DELETE, ROLES_ACCOUNT, account_id, empty)                                                            \
    X(61, ACCOUNT_INFO, ROLES_ACCOUNT, account_id, account_info)                                                       \
    X(65, ACCOUNT_RESTORE, ROLES_ACCOUNT, account_id, empty)                                                           \
    X(62, ACCOUNTS_USAGE, ROLES_QUOTA, accounts_wanted, accounts_usage)                                                \
    X(63, QUOTA_STATE_SET, ROLES_QUOTA, quota_state, empty)                                                            \
    X(64, ROOM_GET, ROLE_SMTPD | ROLE_WEBD | ROLE_CLI, room_wanted, room)                                              \
    X(66, ACCOUNT_LIMITS, ROLES_ACCOUNT, account_limits, empty)                                                        \
    X(67, QUOTA_DOMAINS, ROLES_QUOTA, quota_domains, empty)                                                            \
    X(68, USAGE_GET, ROLE_SMTPD | ROLE_CLI | ROLE_WEBD, usage_name, usage)                                             \
    X(69, USAGE_BRAKE, ROLE_SMTPD | ROLE_CLI | ROLE_WEBD, usage_brake, usage_braked)                                   \
    X(71, USAGE_SLOWED, ROLE_CLI | ROLE_WEBD, empty, usage_slowed)                                                     \
    X(80, CHECKPOINT, ROLE_CLI, checkpoint, checkpoint_made)                                                           \
    X(81, CHECKPOINT_DROP, ROLE_CLI, checkpoint, empty)                                                                \
    X(82, ACCOUNT_LIST, ROLE_CLI, account_list, account_listed)                                                        \
    X(83, UNDELETE_LIST, ROLE_CLI, undelete_list, undelete_listed)                                                     \
    X(84, UNDELETE_RESTORE, ROLE_CLI, undelete_restore, undelete_restored)                                             \
    X(85, FOLDER_REBUILD, ROLE_CLI, folder_rebuild, folder_rebuilt)                                                    \
    X(110, FILE_LIST, ROLES_FILES, file_list, file_listed)                                                             \
    X(111, FILE_STAT, ROLES_FILES, file_name, file_info)                                                               \
    X(112, FILE_READ, ROLES_FILES, file_read, file_info)                                                               \
    X(113, FILE_PUT, ROLES_FILES, file_put, file_info)                                                                 \
    X(114, FILE_MKDIR, ROLES_FILES, file_mkdir, empty)                                                                 \
    X(115, FILE_MOVE, ROLES_FILES, file_move, empty)                                                                   \
    X(116, FILE_COPY, ROLES_FILES, file_move, file_copied)                                                             \
    X(117, FILE_REMOVE, ROLES_FILES, file_remove, empty)                                                               \
    X(118, FILE_USAGE, ROLES_FILES, file_usage_get, file_usage)                                                        \
    X(70, STATUS, ROLES_ANY, empty, store_status)

/* X(id, NAME, message): pushed by the store */
#define STORE_EVENTS(X)                                                                                                \
    X(200, EVENT_LEASE, lease)                                                                                         \
    X(201, EVENT_DESTINATION_READY, destination_ready)                                                                 \
    X(202, EVENT_STATUS, store_status)                                                                                 \
    X(203, EVENT_FOLDER_CHANGED, folder_changed)                                                                       \
    X(204, EVENT_ACCOUNT_CHANGED, account_changed)

enum store_method {
#define X(id, NAME, roles, request, reply) STORE_##NAME = id,
    STORE_METHODS(X)
#undef X
#define X(id, NAME, message) STORE_##NAME = id,
        STORE_EVENTS(X)
#undef X
};

extern const struct rpc_service store_service;

#endif

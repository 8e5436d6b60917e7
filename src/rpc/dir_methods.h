/* The table of the directory service (dir.proto). */
#ifndef IEMS_RPC_DIR_METHODS_H
#define IEMS_RPC_DIR_METHODS_H

#include "rpc/dir.pb-c.h"
#include "rpc/rpc.h"

#define ROLES_RESOLVE                                                                                                  \
    (ROLE_SMTPD | ROLE_MTA | ROLE_LMDA | ROLE_DLM | ROLE_BSMTP | ROLE_WEBD | ROLE_CLI | ROLE_SMTPC | ROLE_IMAPD)
#define ROLES_AUTH      (ROLE_SMTPD | ROLE_IMAPD | ROLE_POP3D | ROLE_WEBD)
#define ROLES_DIR_ADMIN (ROLE_CLI | ROLE_WEBD)

#define DIR_METHODS(X)                                                                                                 \
    X(1, RESOLVE, ROLES_RESOLVE, resolve, resolved)                                                                    \
    X(2, RESOLVE_MANY, ROLES_RESOLVE, resolve_many, resolved_many)                                                     \
    X(10, AUTH_START, ROLES_AUTH, auth_start, auth_reply)                                                              \
    X(11, AUTH_STEP, ROLES_AUTH, auth_step, auth_reply)                                                                \
    X(12, AUTH_DROP, ROLES_AUTH, auth_drop, empty)                                                                     \
    X(13, SENDER_CHECK, ROLE_SMTPD | ROLE_WEBD, sender_check, sender_reply)                                            \
    X(20, CONFIG_WATCH, 0xffffffffu, empty, config)                                                                    \
    X(21, OPTION_SET, ROLES_DIR_ADMIN, option_set, empty)                                                              \
    X(22, TABLE_SET, ROLES_DIR_ADMIN, table_set, table_row)                                                            \
    X(23, TABLE_UNSET, ROLES_DIR_ADMIN, table_unset, table_row)                                                        \
    X(24, TABLE_DELETE, ROLES_DIR_ADMIN, table_delete, empty)                                                          \
    X(25, TABLE_LIST, 0xffffffffu, table_list, table_rows)                                                             \
    X(26, TABLE_WATCH, 0xffffffffu, table_watch, empty)                                                                \
    X(27, DOMAINS_WATCH, ROLES_RESOLVE, empty, empty) /* EVENT_DOMAINS at the next change, once */                     \
    X(30, USER_ADD, ROLES_DIR_ADMIN, user_add, user)                                                                   \
    X(31, USER_SET, ROLES_DIR_ADMIN, user_set, user)                                                                   \
    X(32, USER_GET, ROLES_DIR_ADMIN, user_name, user)                                                                  \
    X(33, USER_DELETE, ROLES_DIR_ADMIN, user_name, user_gone)                                                          \
    X(34, USER_FIND, ROLES_DIR_ADMIN | ROLE_QUOTA, user_find, user_found)                                              \
    X(35, USER_UNDELETE, ROLES_DIR_ADMIN, user_name, user_back)                                                        \
    X(36, USER_DELETED, ROLES_DIR_ADMIN, deleted_find, deleted_found)                                                  \
    X(40, DOMAIN_ADD, ROLES_DIR_ADMIN, domain, empty)                                                                  \
    X(41, DOMAIN_SET, ROLES_DIR_ADMIN, domain, empty)                                                                  \
    X(42, DOMAIN_DELETE, ROLES_DIR_ADMIN, domain, empty)                                                               \
    X(43, DOMAIN_LIST, ROLES_DIR_ADMIN | ROLE_QUOTA, empty, domain_list)                                               \
    X(50, ALIAS_ADD, ROLES_DIR_ADMIN, alias_set, empty)                                                                \
    X(51, ALIAS_DELETE, ROLES_DIR_ADMIN, alias_set, empty)                                                             \
    X(70, SESSION_REPORT, ROLES_AUTH, session_report, empty)                                                           \
    X(71, SESSION_LIST, ROLES_DIR_ADMIN, session_list, session_listed)                                                 \
    X(72, SESSION_DISCONNECT, ROLES_DIR_ADMIN, session_filter, session_count)                                          \
    X(90, SHARED_ADD, ROLES_DIR_ADMIN, shared, shared)                                                                 \
    X(91, SHARED_SET, ROLES_DIR_ADMIN, shared, shared)                                                                 \
    X(92, SHARED_GET, ROLES_DIR_ADMIN, user_name, shared)                                                              \
    X(93, SHARED_FIND, ROLES_DIR_ADMIN, user_find, shared_found)                                                       \
    X(94, SHARED_MEMBER, ROLES_DIR_ADMIN, shared_member_set, shared)                                                   \
    X(95, SHARED_DELETE, ROLES_DIR_ADMIN, user_name, user_gone)                                                        \
    X(60, SESSION_TICKET, ROLE_CLI, user_name, auth_reply) /* administrator's ticket for an account, logged */

#define DIR_EVENTS(X)                                                                                                  \
    X(200, EVENT_CONFIG, config)                                                                                       \
    X(201, EVENT_TABLE, table_event)                                                                                   \
    X(202, EVENT_SESSION_END, session_end)                                                                             \
    X(203, EVENT_DOMAINS, empty)

enum dir_method {
#define X(id, NAME, roles, request, reply) DIR_##NAME = id,
    DIR_METHODS(X)
#undef X
#define X(id, NAME, message) DIR_##NAME = id,
        DIR_EVENTS(X)
#undef X
};

extern const struct rpc_service dir_service;

#endif

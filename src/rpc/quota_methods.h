/* The table of the service of iems-quota (quota.proto). */
#ifndef IEMS_RPC_QUOTA_METHODS_H
#define IEMS_RPC_QUOTA_METHODS_H

#include "rpc/quota.pb-c.h"
#include "rpc/rpc.h"

/* RUN answers when the check is over. */
#define QUOTA_METHODS(X)                                                                                               \
    X(1, STATUS, ROLE_CLI | ROLE_WEBD, empty, status)                                                                  \
    X(2, RUN, ROLE_CLI | ROLE_WEBD, run, status)                                                                       \
    X(3, HISTORY, ROLE_CLI | ROLE_WEBD, empty, history)                                                                \
    X(4, REPORT, ROLE_CLI | ROLE_WEBD, report_wanted, report)                                                          \
    X(5, REPORT_DELETE, ROLE_CLI | ROLE_WEBD, report_name, empty)

enum quota_method {
#define X(id, NAME, roles, request, reply) QUOTA_##NAME = id,
    QUOTA_METHODS(X)
#undef X
};

extern const struct rpc_service quota_service;

#endif

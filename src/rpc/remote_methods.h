/* The table of the service of iems-remote (remote.proto). Those of remote/permit.c are also asked
 * by other hosts. */
#ifndef IEMS_RPC_REMOTE_METHODS_H
#define IEMS_RPC_REMOTE_METHODS_H

#include "rpc/remote.pb-c.h"
#include "rpc/rpc.h"

#define REMOTE_METHODS(X)                                                                                              \
    X(1, STATE, ROLE_CLI | ROLE_WEBD, ask, state)                                                                      \
    X(2, METRICS, ROLE_CLI | ROLE_WEBD, ask, metrics)                                                                  \
    X(3, ACTION, ROLE_CLI, ask, empty)                                                                                 \
    X(4, RELOAD, ROLE_CLI, ask, empty)                                                                                 \
    X(5, LOG_LEVEL, ROLE_CLI, ask, empty)                                                                              \
    X(20, HOSTS, ROLE_CLI | ROLE_WEBD, empty, hosts)

enum remote_method {
#define X(id, NAME, roles, request, reply) REMOTE_##NAME = id,
    REMOTE_METHODS(X)
#undef X
};

extern const struct rpc_service remote_service;

#endif

/* The table of the service of iems-fetch (fetch.proto). One call at a time. */
#ifndef IEMS_RPC_FETCH_METHODS_H
#define IEMS_RPC_FETCH_METHODS_H

#include "rpc/fetch.pb-c.h"
#include "rpc/rpc.h"

#define FETCH_METHODS(X)                                                                                               \
    X(1, LOGIN, ROLE_CLI, login, logged_in)                                                                            \
    X(2, FOLDERS, ROLE_CLI, empty, folders)                                                                            \
    X(3, SELECT, ROLE_CLI, select, selected)                                                                           \
    X(4, LIST, ROLE_CLI, list, items)                                                                                  \
    X(5, BODIES, ROLE_CLI, bodies, empty)                                                                              \
    X(6, NEXT, ROLE_CLI, empty, piece)

enum fetch_method {
#define X(id, NAME, roles, request, reply) FETCH_##NAME = id,
    FETCH_METHODS(X)
#undef X
};

enum { FETCH_PAGE = 1000, FETCH_BODIES_MAX = 100 };

extern const struct rpc_service fetch_service;

#endif

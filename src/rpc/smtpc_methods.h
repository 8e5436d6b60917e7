/* The table of the service of iems-smtpc (smtpc.proto). */
#ifndef IEMS_RPC_SMTPC_METHODS_H
#define IEMS_RPC_SMTPC_METHODS_H

#include "rpc/rpc.h"
#include "rpc/smtpc.pb-c.h"

/* FETCH answers when the connection is over, or with the reason why there was none. */
#define SMTPC_METHODS(X) X(1, FETCH, ROLE_CLI | ROLE_WEBD, fetch, fetched)

enum smtpc_method {
#define X(id, NAME, roles, request, reply) SMTPC_##NAME = id,
    SMTPC_METHODS(X)
#undef X
};

extern const struct rpc_service smtpc_service;

#endif

/* The table of the service of iems-acme (acme.proto). */
#ifndef IEMS_RPC_ACME_METHODS_H
#define IEMS_RPC_ACME_METHODS_H

#include "rpc/acme.pb-c.h"
#include "rpc/rpc.h"

/* RENEW answers when the certificate is in use, or with the reason why not. */
#define ACME_METHODS(X)                                                                                                \
    X(1, RENEW, ROLE_CLI | ROLE_WEBD, renew, empty)                                                                    \
    X(2, NAME, ROLE_CLI | ROLE_WEBD, renew, state)

enum acme_method {
#define X(id, NAME, roles, request, reply) ACME_##NAME = id,
    ACME_METHODS(X)
#undef X
};

extern const struct rpc_service acme_service;

#endif

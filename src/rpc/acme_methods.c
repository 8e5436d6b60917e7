#include "rpc/acme_methods.h"

static const struct rpc_method methods[] = {
#define X(id, NAME, roles, request, reply)                                                                             \
    {id, #NAME, roles, &acme__##request##__descriptor, &acme__##reply##__descriptor},
    ACME_METHODS(X)
#undef X
};

const struct rpc_service acme_service = {"acme", methods, sizeof methods / sizeof methods[0]};

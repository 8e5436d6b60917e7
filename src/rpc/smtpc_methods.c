#include "rpc/smtpc_methods.h"

static const struct rpc_method methods[] = {
#define X(id, NAME, roles, request, reply)                                                                             \
    {id, #NAME, roles, &smtpc__##request##__descriptor, &smtpc__##reply##__descriptor},
    SMTPC_METHODS(X)
#undef X
};

const struct rpc_service smtpc_service = {"smtpc", methods, sizeof methods / sizeof methods[0]};

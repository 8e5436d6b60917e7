#include "rpc/control_methods.h"

static const struct rpc_method methods[] = {
#define X(id, NAME, roles, request, reply)                                                                             \
    {id, #NAME, roles, &control__##request##__descriptor, &control__##reply##__descriptor},
    CONTROL_METHODS(X)
#undef X
};

const struct rpc_service control_service = {"control", methods, sizeof methods / sizeof methods[0]};

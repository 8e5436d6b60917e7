#include "rpc/fetch_methods.h"

static const struct rpc_method methods[] = {
#define X(id, NAME, roles, request, reply)                                                                             \
    {id, #NAME, roles, &fetch__##request##__descriptor, &fetch__##reply##__descriptor},
    FETCH_METHODS(X)
#undef X
};

const struct rpc_service fetch_service = {"fetch", methods, sizeof methods / sizeof methods[0]};

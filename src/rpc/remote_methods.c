#include "rpc/remote_methods.h"

static const struct rpc_method methods[] = {
#define X(id, NAME, roles, request, reply)                                                                             \
    {id, #NAME, roles, &remote__##request##__descriptor, &remote__##reply##__descriptor},
    REMOTE_METHODS(X)
#undef X
};

const struct rpc_service remote_service = {"remote", methods, sizeof methods / sizeof methods[0]};

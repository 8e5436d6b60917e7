#include "rpc/quota_methods.h"

static const struct rpc_method methods[] = {
#define X(id, NAME, roles, request, reply)                                                                             \
    {id, #NAME, roles, &quota__##request##__descriptor, &quota__##reply##__descriptor},
    QUOTA_METHODS(X)
#undef X
};

const struct rpc_service quota_service = {"quota", methods, sizeof methods / sizeof methods[0]};

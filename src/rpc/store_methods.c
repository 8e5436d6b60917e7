#include "rpc/store_methods.h"

static const struct rpc_method methods[] = {
#define X(id, NAME, roles, request, reply)                                                                             \
    {id, #NAME, roles, &store__##request##__descriptor, &store__##reply##__descriptor},
    STORE_METHODS(X)
#undef X
#define X(id, NAME, message) {id, #NAME, 0, NULL, &store__##message##__descriptor},
        STORE_EVENTS(X)
#undef X
};

const struct rpc_service store_service = {"store", methods, sizeof methods / sizeof methods[0]};

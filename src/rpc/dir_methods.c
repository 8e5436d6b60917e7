#include "rpc/dir_methods.h"

static const struct rpc_method methods[] = {
#define X(id, NAME, roles, request, reply)                                                                             \
    {id, #NAME, roles, &dir__##request##__descriptor, &dir__##reply##__descriptor},
    DIR_METHODS(X)
#undef X
#define X(id, NAME, message) {id, #NAME, 0, NULL, &dir__##message##__descriptor},
        DIR_EVENTS(X)
#undef X
};

const struct rpc_service dir_service = {"dir", methods, sizeof methods / sizeof methods[0]};

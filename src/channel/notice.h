/* Mail that a program of the system writes itself. It goes into the queue as everybody's does; nobody is told when it
 * cannot be delivered. */
#ifndef IEMS_CHANNEL_NOTICE_H
#define IEMS_CHANNEL_NOTICE_H

#include "rpc/rpc.h"

struct notice {
    const char *from;      /* of the envelope; NULL = the null sender */
    const char *to, *copy; /* copy: NULL = to one only */
    const char *trace;     /* trace id */
    const char *line;      /* for the trace; NULL = none */
    const char *tag;       /* gets the value "yes"; NULL = none */
    struct str message;    /* header and text */
    bool tls_optional;     /* RFC 8689 section 4.2.2 */
};

/* ERR_LIMIT: larger than RPC_INLINE_MAX; else as rpc_call. */
NODISCARD int notice_submit(struct rpc_client *store, const struct notice *n, struct error *err);

#endif

/* Two streams made one: what comes from either goes to the other. For connections that another process serves, because
 * the filters of one of them (TLS) are here. */
#ifndef IEMS_NET_JOIN_H
#define IEMS_NET_JOIN_H

#include "net/stream.h"

struct join_limits {
    uint64_t idle_ms; /* nothing from either side for so long: the end */
    const bool *stop; /* looked at whenever something happens */
};
/* What was received and not consumed goes first. Returns when either side ends (ERR_CLOSED), `stop` is set (0), or with
 * an error. Both streams stay the caller's. Only the calling fiber moves bytes. */
int stream_join(struct stream *near, struct stream *far, const struct join_limits *limits);

#endif

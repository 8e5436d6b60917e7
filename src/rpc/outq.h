/* Bytes that wait to be sent, in chunks, so that nothing is moved when the front has gone. */
#ifndef IEMS_RPC_OUTQ_H
#define IEMS_RPC_OUTQ_H

#include "base/str.h"

#include <sys/types.h>

struct outq_chunk;

struct outq {
    struct outq_chunk *first, *last;
    size_t len; /* bytes unsent */
};

/* Room for `n` contiguous bytes at the end, counted as added; NULL when out of memory. */
void *outq_grow(struct outq *q, size_t n);
NODISCARD int outq_add(struct outq *q, struct str s);
/* One writev (or a few) of the queue and then of `tail`, which is not kept. Returns bytes of `tail` that were sent
 * (0 while the queue itself is not gone), or ERR_IO, ERR_CLOSED. */
NODISCARD ssize_t outq_write(struct outq *q, int fd, struct str tail);
void outq_done(struct outq *q);

#endif

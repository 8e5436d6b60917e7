/* One connection that speaks frames, for client and server: reads whole frames, gathers what is written and sends it
 * with one writev when the fibers that are ready have run. Never waits; everything happens on the loop. */
#ifndef IEMS_RPC_IO_H
#define IEMS_RPC_IO_H

#include "rpc/frame.h"

struct rpc_io;

struct rpc_io_ops {
    /* A frame came; lent until it returns (see rpc_io_take). ERR_*: the peer breaks the protocol, the connection ends.
     */
    int (*frame)(const struct rpc_frame *f, void *arg);
    /* The connection ended by itself; called once, not after rpc_io_close. `why` is text for a person. */
    void (*ended)(int code, const char *why, void *arg);
};

/* Takes over a connected stream socket. */
NODISCARD int rpc_io_open(int fd, const struct rpc_io_ops *ops, void *arg, struct rpc_io **out);
/* Sends what can be sent at once, closes, forgets. Allowed in callbacks. NULL is fine. */
void rpc_io_close(struct rpc_io *io);

struct rpc_out {
    uint32_t id;
    uint16_t method;
    enum rpc_kind kind;
    const ProtobufCMessage *msg; /* may be NULL */
    struct str attach;           /* copied or sent before rpc_io_send returns */
};
/* ERR_LIMIT: does not fit into a frame. ERR_NOMEM: RPC_OUT_MAX is reached or no memory: the connection then ends by
 * itself soon. ERR_CLOSED: it has ended. */
NODISCARD int rpc_io_send(struct rpc_io *io, const struct rpc_out *out);
size_t rpc_io_unsent(const struct rpc_io *io);
/* What was sent goes to the socket now, as far as it takes it. */
void rpc_io_flush(struct rpc_io *io);
/* True: all that the peer has sent was delivered. */
bool rpc_io_is_quiet(const struct rpc_io *io);

/* Inside `frame`: the memory that holds the frame, to be free()d by the caller from now on; NULL when the frame lies
 * in a shared buffer (small frames) and must be copied to be kept. */
void *rpc_io_take(struct rpc_io *io);
/* Back-pressure: no frames are delivered while paused. */
void rpc_io_pause(struct rpc_io *io, bool paused);
/* Calls `drained` (once) when less than `low` bytes are unsent. */
void rpc_io_on_drain(struct rpc_io *io, size_t low, void (*drained)(void *arg));

#endif

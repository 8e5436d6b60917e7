/* Packets of control.proto over a Unix seqpacket socket, with the descriptors that they name. */
#ifndef IEMS_RPC_PACKET_H
#define IEMS_RPC_PACKET_H

#include "rpc/control.pb-c.h"

#include "base/arena.h"

enum {
    PACKET_MAX = 160 * 1024, /* whole packet; fits the socket buffer that a process without rights may have */
    PACKET_FDS_MAX = 64,
};

struct packet {
    Control__Packet *msg; /* in the arena given to packet_receive */
    int fds[PACKET_FDS_MAX];
    size_t fd_count;
    size_t fd_next; /* see packet_take_fd */
};

/* Never waits: ERR_AGAIN when the peer does not read, ERR_LIMIT above the maxima, ERR_CLOSED, ERR_IO. Descriptors stay
 * the caller's. */
NODISCARD int packet_send(int socket, const Control__Packet *msg, const int *fds, size_t fd_count);
/* Never waits: ERR_AGAIN when there is none, ERR_CLOSED at the end, ERR_CORRUPT (malformed, too long), ERR_IO. The
 * descriptors (close-on-exec) are the caller's: packet_close_fds. */
NODISCARD int packet_receive(int socket, struct arena *arena, struct packet *out);
/* Waits by poll, for use without a loop. ERR_TIMEOUT. */
NODISCARD int packet_wait(int socket, int timeout_ms);
/* Next descriptor in the order of the fields, now the caller's; -1 when there is none (more). */
int packet_take_fd(struct packet *p);
void packet_close_fds(struct packet *p);
/* Room for large packets in the socket. */
void packet_socket_setup(int socket);

#define PACKET(kind_, field_, value_)                                                                                  \
    ((Control__Packet){                                                                                                \
        PROTOBUF_C_MESSAGE_INIT(&control__packet__descriptor), CONTROL__PACKET__KIND_##kind_, {.field_ = (value_)}})

#endif

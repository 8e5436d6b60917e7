/* The frame codec: bytes in, frames out; knows no descriptor. The format is told in rpc.h. An ERROR frame has no
 * protobuf; its attachment is the error code (little-endian i32) and the text for a person behind it. */
#ifndef IEMS_RPC_FRAME_H
#define IEMS_RPC_FRAME_H

#include "rpc/rpc.h"

enum rpc_kind { RPC_REQUEST = 1, RPC_REPLY = 2, RPC_ERROR = 3, RPC_EVENT = 4 };

enum {
    RPC_HEAD_SIZE = 16,
    RPC_UNPACK_MAX = 64 * 1024 * 1024, /* memory for one unpacked message: a small frame may hold many empty fields */
};

struct rpc_frame {
    uint32_t id;
    uint16_t method;
    uint8_t kind;
    struct str body; /* the protobuf, packed */
    struct str attach;
};

/* Takes one frame off the front of `in`. 0: `*out` lends from `in`, `*size` is its size. ERR_AGAIN: more is needed,
 * `*size` is the size of the frame as far as it is known (0 while the head is incomplete). ERR_INVALID, ERR_LIMIT: the
 * peer breaks the protocol. */
NODISCARD int rpc_frame_parse(struct str in, struct rpc_frame *out, size_t *size);
/* ERR_LIMIT when body and attachment do not fit into a frame. */
NODISCARD int rpc_frame_head(unsigned char out[static RPC_HEAD_SIZE], uint32_t id, uint16_t method, enum rpc_kind kind,
                             size_t body_len, size_t attach_len);

/* Unpacks into `arena` (the message is freed with it): ERR_CORRUPT when malformed or over RPC_UNPACK_MAX. */
NODISCARD int rpc_unpack(const ProtobufCMessageDescriptor *type, struct str body, struct arena *arena,
                         ProtobufCMessage **out);
/* Code and text of an ERROR frame. ERR_CORRUPT when it is none. */
NODISCARD int rpc_error_parse(struct str attach, int *code, struct str *text);
void rpc_error_head(unsigned char out[static 4], int code);

/* The entry of a service's table, NULL = no such method. */
const struct rpc_method *rpc_method_find(const struct rpc_service *service, uint16_t id);

#endif

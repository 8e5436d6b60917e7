#include "rpc/frame.h"

#include <string.h>

enum { LENGTH_SIZE = 4, ID_AT = 4, METHOD_AT = 8, KIND_AT = 10, ZERO_AT = 11, BODY_LEN_AT = 12 };

static uint32_t get_u32(const unsigned char *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_u32(unsigned char *p, uint32_t v) {
    for (int i = 0; i < 4; i++, v >>= 8) p[i] = (unsigned char)v;
}

int rpc_frame_parse(struct str in, struct rpc_frame *out, size_t *size) {
    const unsigned char *p = (const unsigned char *)in.ptr;
    if (in.len < LENGTH_SIZE) {
        *size = 0;
        return ERR_AGAIN;
    }
    size_t length = get_u32(p);
    if (length < RPC_HEAD_SIZE - LENGTH_SIZE) return ERR_INVALID;
    if (length > RPC_FRAME_MAX - LENGTH_SIZE) return ERR_LIMIT;
    size_t total = length + LENGTH_SIZE;
    if (in.len >= RPC_HEAD_SIZE) { /* refuse early, before the rest is waited for */
        uint8_t kind = p[KIND_AT];
        if (kind < RPC_REQUEST || kind > RPC_EVENT || p[ZERO_AT] != 0) return ERR_INVALID;
        if (get_u32(p + BODY_LEN_AT) > total - RPC_HEAD_SIZE) return ERR_INVALID;
        if ((get_u32(p + ID_AT) == 0) != (kind == RPC_EVENT)) return ERR_INVALID;
    }
    if (in.len < total) {
        *size = total;
        return ERR_AGAIN;
    }
    size_t body_len = get_u32(p + BODY_LEN_AT);
    *out = (struct rpc_frame){
        .id = get_u32(p + ID_AT),
        .method = (uint16_t)(p[METHOD_AT] | p[METHOD_AT + 1] << 8),
        .kind = p[KIND_AT],
        .body = str_of(p + RPC_HEAD_SIZE, body_len),
        .attach = str_of(p + RPC_HEAD_SIZE + body_len, total - RPC_HEAD_SIZE - body_len),
    };
    *size = total;
    return 0;
}

int rpc_frame_head(unsigned char out[static RPC_HEAD_SIZE], uint32_t id, uint16_t method, enum rpc_kind kind,
                   size_t body_len, size_t attach_len) {
    const size_t room = RPC_FRAME_MAX - RPC_HEAD_SIZE;
    if (body_len > room || attach_len > room - body_len) return ERR_LIMIT;
    put_u32(out, (uint32_t)(RPC_HEAD_SIZE - LENGTH_SIZE + body_len + attach_len));
    put_u32(out + ID_AT, id);
    out[METHOD_AT] = (unsigned char)method;
    out[METHOD_AT + 1] = (unsigned char)(method >> 8);
    out[KIND_AT] = (unsigned char)kind;
    out[ZERO_AT] = 0;
    put_u32(out + BODY_LEN_AT, (uint32_t)body_len);
    return 0;
}

static void *unpack_alloc(void *arena, size_t size) {
    return arena_alloc(arena, size);
}

static void unpack_free(void *arena, void *p) {
    (void)arena; /* everything goes with the arena */
    (void)p;
}

int rpc_unpack(const ProtobufCMessageDescriptor *type, struct str body, struct arena *arena, ProtobufCMessage **out) {
    ProtobufCAllocator in_arena = {.alloc = unpack_alloc, .free = unpack_free, .allocator_data = arena};
    static const uint8_t nothing[1];
    ProtobufCMessage *msg =
        protobuf_c_message_unpack(type, &in_arena, body.len, body.len == 0 ? nothing : (const uint8_t *)body.ptr);
    if (msg == NULL) return ERR_CORRUPT;
    *out = msg;
    return 0;
}

int rpc_error_parse(struct str attach, int *code, struct str *text) {
    if (attach.len < 4) return ERR_CORRUPT;
    int32_t v = (int32_t)get_u32((const unsigned char *)attach.ptr);
    if (v >= 0) return ERR_CORRUPT;
    *code = v;
    *text = str_sub(attach, 4, attach.len - 4);
    return 0;
}

void rpc_error_head(unsigned char out[static 4], int code) {
    put_u32(out, (uint32_t)code);
}

const struct rpc_method *rpc_method_find(const struct rpc_service *service, uint16_t id) {
    for (size_t i = 0; i < service->count; i++) {
        if (service->methods[i].id == id) return &service->methods[i];
    }
    return NULL;
}

/* RPC frames as a hostile peer may send them: split, then unpacked as the method that they name. */
#include "rpc/dir_methods.h"
#include "rpc/frame.h"
#include "rpc/store_methods.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void unpack(const struct rpc_service *service, const struct rpc_frame *f) {
    const struct rpc_method *m = rpc_method_find(service, f->method);
    if (m == NULL) return;
    ARENA_AUTO arena = arena_new(RPC_UNPACK_MAX);
    ProtobufCMessage *msg;
    (void)!rpc_unpack(f->kind == RPC_REQUEST && m->request != NULL ? m->request : m->reply, f->body, arena, &msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str in = str_of(data, size);
    struct rpc_frame f;
    size_t used;
    while (in.len > 0 && rpc_frame_parse(in, &f, &used) == 0) {
        IEMS_ASSERT(used <= in.len && f.body.len + f.attach.len + RPC_HEAD_SIZE == used);
        unpack(&store_service, &f);
        unpack(&dir_service, &f);
        int code;
        struct str text;
        if (f.kind == RPC_ERROR) (void)!rpc_error_parse(f.attach, &code, &text);
        in = str_sub(in, used, in.len - used);
    }
    return 0;
}

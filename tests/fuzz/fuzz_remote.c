/* Requests of other hosts, as one that was taken over may send them: what leaves the parser is always within bounds. */
#include "remote/clean.h"
#include "remote/permit.h"
#include "remote/request.h"
#include "rpc/frame.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a host answers. */
static void reply(struct str in) {
    ARENA_AUTO arena = arena_new(RPC_UNPACK_MAX);
    ProtobufCMessage *msg = NULL;
    if (arena == NULL || rpc_unpack(&remote__state__descriptor, in, arena, &msg) != 0) return;
    remote_clean(msg);
    const Remote__State *s = (const Remote__State *)(const void *)msg;
    for (size_t i = 0; s->status != NULL && i < s->status->n_modules; i++)
        for (const char *p = s->status->modules[i]->detail; *p != '\0'; p++)
            IEMS_ASSERT((unsigned char)*p >= ' ' || *p == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    reply(str_of(data, size));
    struct str in = str_of(data, size);
    while (in.len > 0) {
        struct remote_request q;
        struct error err = {0};
        size_t used = 0;
        int rc = remote_request_parse(in, &q, &used, &err);
        if (rc == ERR_AGAIN) IEMS_ASSERT(used <= REMOTE_REQUEST_MAX && (used == 0 || used > in.len));
        if (rc != 0) break;
        IEMS_ASSERT(used > 0 && used <= in.len && used <= REMOTE_REQUEST_MAX);
        IEMS_ASSERT((q.method == REMOTE_ACTION || q.method == REMOTE_LOG_LEVEL) == (q.verb[0] != '\0'));
        for (const char *p = q.module; *p != '\0'; p++) IEMS_ASSERT(ascii_isdigit(*p) || (*p >= 'a' && *p <= 'z'));
        for (const char *p = q.by; *p != '\0'; p++) IEMS_ASSERT(*p > ' ' && *p < 0x7f && *p != '"');
        (void)!remote_permit(q.method, REMOTE_OPERATE, &err);
        in = str_sub(in, used, in.len - used);
    }
    return 0;
}

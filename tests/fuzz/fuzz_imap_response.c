/* What a server says, gathered and taken apart. */
#include "proto/imap/response.h"
#include "proto/imap/responses.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct imap_responses r;
    struct str in = str_of(data, size);
    struct arena *arena = arena_new(1 << 20);
    imap_responses_init(&r, 4096);
    for (enum parse p = PARSE_EVENT; in.len > 0 && p != PARSE_ERROR;) {
        size_t used = 0;
        struct imap_response one;
        p = imap_responses_feed(&r, in, &used);
        in = str_sub(in, used, SIZE_MAX);
        if (p != PARSE_EVENT) continue;
        if (r.event == IMAP_RESPONSES_BODY) {
            in = str_sub(in, r.body_size < in.len ? (size_t)r.body_size : in.len, SIZE_MAX);
            imap_responses_resume(&r);
            continue;
        }
        (void)!imap_response_parse(buf_str(&r.text), arena, &one);
        imap_responses_reset(&r);
        arena_reset(arena);
    }
    imap_responses_done(&r);
    arena_free(arena);
    return 0;
}

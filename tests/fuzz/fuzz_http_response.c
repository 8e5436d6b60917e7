/* HTTP/1.1 responses: head, then the body in two pieces; what is given out lies in the input and is never more than
 * that. */
#include "proto/http/response.h"
#include "proto/http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void body(const struct http_response *r, struct str in) {
    struct http_body b;
    size_t at = 0, seen = in.len / 2, given = 0;
    http_body_init(&b, r);
    while (!b.done) {
        struct str data;
        size_t used;
        enum parse p = http_body_parse(&b, str_sub(in, at, seen - at), &data, &used);
        IEMS_ASSERT(used <= seen - at);
        at += used;
        given += data.len;
        if (p == PARSE_ERROR) return;
        if (p == PARSE_EVENT) {
            IEMS_ASSERT(b.done || data.len > 0);
            continue;
        }
        if (seen == in.len) break;
        seen = in.len;
    }
    IEMS_ASSERT(given <= in.len);
    (void)!http_body_closed(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct http_response r;
    struct str in = str_of(data, size);
    struct http_url u;
    if (http_response_parse(in, size % 2 != 0, &r) == PARSE_EVENT) {
        IEMS_ASSERT(r.head_len <= size && r.status >= 100 && r.status < 600);
        body(&r, str_sub(in, r.head_len, size));
    }
    if (http_url_parse(in, &u) == 0) IEMS_ASSERT(u.host.len > 0 && u.port > 0 && u.target.len > 0);
    return 0;
}

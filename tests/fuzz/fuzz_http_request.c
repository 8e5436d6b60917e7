/* HTTP/1.1 request heads: the result for a prefix may only go from MORE to something final. */
#include "proto/http/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct http_request r;
    unsigned status = 0;
    enum http_result result = http_request_parse(str_of(data, size), &r, &status);
    if (result == HTTP_REQUEST) IEMS_ASSERT(r.head_len <= size && r.path.len > 0);
    if (result == HTTP_ERROR) IEMS_ASSERT(status >= 400);
    return 0;
}

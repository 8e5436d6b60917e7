/* HTTP/1.1 requests (RFC 9112), sans-I/O: bytes in, one request out. Strict: only CRLF ends a line, no folding, no
 * blanks before the colon; what is unclear is refused, so that no two readers can understand it differently. */
#ifndef IEMS_PROTO_HTTP_REQUEST_H
#define IEMS_PROTO_HTTP_REQUEST_H

#include "base/buf.h"
#include "proto/http/field.h"

enum {
    HTTP_HEAD_MAX = 16 * 1024, /* request line and fields */
    HTTP_TARGET_MAX = 8 * 1024,
};

enum http_result { HTTP_MORE, HTTP_REQUEST, HTTP_ERROR };

struct http_request {
    struct str method, target, path, query; /* path as sent (percent-encoded); query without "?" */
    unsigned minor;                         /* HTTP/1.minor */
    size_t field_count;
    struct http_field fields[HTTP_FIELDS_MAX];
    bool keep_alive;
    bool chunked;            /* body comes in chunks */
    uint64_t content_length; /* 0 when there is none */
    size_t head_len;         /* bytes of input that the head took */
};

/* Looks for a whole head at the start of `in`. HTTP_REQUEST: `out` is filled, its views point into `in`. HTTP_MORE: not
 * complete yet. HTTP_ERROR: `*status` is the answer to give (400, 414, 431, 501, 505), then close. */
enum http_result http_request_parse(struct str in, struct http_request *out, unsigned *status);
/* Value of the first field of that name; empty when there is none. */
struct str http_request_field(const struct http_request *r, struct str name);

/* The reason phrase of a status code: "Not Found". */
const char *http_reason(unsigned status);

#endif

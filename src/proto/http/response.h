/* HTTP/1.1 responses (RFC 9112), sans-I/O: the head in one piece, the body as a decoder of its framing. Strict where
 * leniency would let two readers see different things; what a client of ours does not need (trailers are read away,
 * codings other than chunked) is refused. */
#ifndef IEMS_PROTO_HTTP_RESPONSE_H
#define IEMS_PROTO_HTTP_RESPONSE_H

#include "base/parse.h"
#include "proto/http/field.h"

enum {
    HTTP_RESPONSE_HEAD_MAX = 32 * 1024, /* status line and fields */
    HTTP_CHUNK_LINE_MAX = 1024,         /* size with extensions, a trailer line */
    HTTP_TRAILERS_MAX = 100,
};

enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED, HTTP_UNTIL_CLOSE };

struct http_response {
    unsigned status; /* 100 to 599 */
    unsigned minor;
    size_t field_count;
    struct http_field fields[HTTP_FIELDS_MAX];
    enum http_framing framing;
    uint64_t content_length; /* HTTP_LENGTH */
    size_t head_len;         /* bytes of input that the head took */
};

/* Looks for a whole head at the start of `in`. PARSE_EVENT: `out` is filled, its views point into `in`. `head_request`:
 * the answer to HEAD has no body whatever it says. Interim answers (1xx) are heads of their own without a body. */
enum parse http_response_parse(struct str in, bool head_request, struct http_response *out);
struct str http_response_field(const struct http_response *r, struct str name);

struct http_body {
    enum http_framing framing;
    uint64_t left; /* of the length or of the chunk */
    int part;
    unsigned trailers;
    bool done;
};
void http_body_init(struct http_body *b, const struct http_response *r);
/* Takes bytes. PARSE_EVENT: `*data` is a piece of the body (a view into `in`), or with `b->done` the end. PARSE_MORE:
 * more bytes are needed. In each case `*used` bytes of `in` were taken. */
enum parse http_body_parse(struct http_body *b, struct str in, struct str *data, size_t *used);
/* The connection has ended: 0 when the body is whole by that, ERR_CLOSED when it was cut off. */
NODISCARD int http_body_closed(const struct http_body *b);

#endif

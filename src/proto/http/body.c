/* Bodies of responses by their framing: length, chunks (RFC 9112 section 7.1), until the connection ends. */
#include "proto/http/response.h"

enum part { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER };

void http_body_init(struct http_body *b, const struct http_response *r) {
    *b = (struct http_body){.framing = r->framing, .left = r->content_length, .part = CHUNK_SIZE};
    b->done = r->framing == HTTP_NO_BODY || (r->framing == HTTP_LENGTH && r->content_length == 0);
}

static int hex_value(char c) {
    if (ascii_isdigit(c)) return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1a;extension": the extension is ignored. */
static int chunk_size(struct str line, uint64_t *out) {
    enum { DIGITS_MAX = 15 };
    struct str digits = str_trim(str_cut(&line, ';'));
    uint64_t n = 0;
    if (digits.len == 0 || digits.len > DIGITS_MAX) return ERR_INVALID;
    for (size_t i = 0; i < digits.len; i++) {
        int v = hex_value(digits.ptr[i]);
        if (v < 0) return ERR_INVALID;
        n = n * 16 + (uint64_t)v;
    }
    *out = n;
    return 0;
}

static enum parse take_data(struct http_body *b, struct str in, struct str *data, size_t *used) {
    size_t n = b->left < in.len ? (size_t)b->left : in.len;
    if (n == 0) return PARSE_MORE;
    *data = str_sub(in, 0, n);
    *used += n;
    b->left -= n;
    return PARSE_EVENT;
}

/* A line of the framing is complete. */
static int take_line(struct http_body *b, struct str line) {
    if (b->part == CHUNK_END) {
        b->part = CHUNK_SIZE;
        return line.len == 0 ? 0 : ERR_INVALID;
    }
    if (b->part == CHUNK_SIZE) {
        int rc = chunk_size(line, &b->left);
        if (rc == 0) b->part = b->left == 0 ? TRAILER : CHUNK_DATA;
        return rc;
    }
    if (line.len == 0) b->done = true;
    return ++b->trailers > HTTP_TRAILERS_MAX ? ERR_INVALID : 0;
}

static enum parse parse_chunked(struct http_body *b, struct str in, struct str *data, size_t *used) {
    while (!b->done) {
        struct str rest = str_sub(in, *used, in.len), line;
        if (b->part == CHUNK_DATA && b->left > 0) return take_data(b, rest, data, used);
        if (b->part == CHUNK_DATA) b->part = CHUNK_END;
        ptrdiff_t end = str_find(rest, '\n');
        if (end == STR_NPOS) return rest.len > HTTP_CHUNK_LINE_MAX ? PARSE_ERROR : PARSE_MORE;
        if (end > HTTP_CHUNK_LINE_MAX || http_line_cut(&rest, &line) != 0 || take_line(b, line) != 0)
            return PARSE_ERROR;
        *used += (size_t)end + 1;
    }
    return PARSE_EVENT;
}

enum parse http_body_parse(struct http_body *b, struct str in, struct str *data, size_t *used) {
    *data = STR_EMPTY;
    *used = 0;
    if (b->done) return PARSE_EVENT;
    if (b->framing == HTTP_CHUNKED) return parse_chunked(b, in, data, used);
    if (b->framing == HTTP_UNTIL_CLOSE) b->left = in.len;
    enum parse p = take_data(b, in, data, used);
    if (b->framing == HTTP_LENGTH && b->left == 0) b->done = true;
    return p;
}

int http_body_closed(const struct http_body *b) {
    return b->done || b->framing == HTTP_UNTIL_CLOSE ? 0 : ERR_CLOSED;
}

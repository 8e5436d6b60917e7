/* The head of a response (RFC 9112 sections 4 and 6.3). */
#include "proto/http/response.h"

struct str http_response_field(const struct http_response *r, struct str name) {
    return http_field_find(r->fields, r->field_count, name);
}

/* "HTTP/1.1 200 OK"; the phrase may be missing, as RFC 9112 section 4 allows, with or without its blank. */
static int parse_status_line(struct str line, struct http_response *r) {
    enum { VERSION_LEN = 8, STATUS_LEN = 3 };
    struct str version = str_sub(line, 0, VERSION_LEN), status = str_sub(line, VERSION_LEN + 1, STATUS_LEN);
    uint64_t code = 0;
    if (!str_eq(version, STR("HTTP/1.1")) && !str_eq(version, STR("HTTP/1.0"))) return ERR_INVALID;
    if (line.len < VERSION_LEN + 1 + STATUS_LEN || line.ptr[VERSION_LEN] != ' ') return ERR_INVALID;
    if (line.len > VERSION_LEN + 1 + STATUS_LEN && line.ptr[VERSION_LEN + 1 + STATUS_LEN] != ' ') return ERR_INVALID;
    if (str_to_u64(status, 599, &code) != 0 || code < 100 || !http_is_clean(line)) return ERR_INVALID;
    r->minor = (unsigned)(version.ptr[VERSION_LEN - 1] - '0');
    r->status = (unsigned)code;
    return 0;
}

/* RFC 9112 section 6.3. A length beside a coding, or two lengths, is an attack or a fault: refused. */
static int parse_framing(struct http_response *r, bool head_request) {
    bool length = false, chunked = false;
    for (size_t i = 0; i < r->field_count; i++) {
        const struct http_field *f = &r->fields[i];
        if (str_eq_nocase(f->name, STR("Content-Length"))) {
            if (length || str_to_u64(f->value, INT64_MAX, &r->content_length) != 0) return ERR_INVALID;
            length = true;
        } else if (str_eq_nocase(f->name, STR("Transfer-Encoding"))) {
            if (chunked || r->minor == 0 || !str_eq_nocase(f->value, STR("chunked"))) return ERR_INVALID;
            chunked = true;
        }
    }
    if (length && chunked) return ERR_INVALID;
    if (head_request || r->status < 200 || r->status == 204 || r->status == 304) {
        r->framing = HTTP_NO_BODY;
    } else {
        r->framing = chunked ? HTTP_CHUNKED : length ? HTTP_LENGTH : HTTP_UNTIL_CLOSE;
    }
    return 0;
}

enum parse http_response_parse(struct str in, bool head_request, struct http_response *out) {
    ptrdiff_t end = str_find_str(in, STR("\r\n\r\n"));
    if (end == STR_NPOS) return in.len >= HTTP_RESPONSE_HEAD_MAX ? PARSE_ERROR : PARSE_MORE;
    if (end + 4 > HTTP_RESPONSE_HEAD_MAX) return PARSE_ERROR;
    struct str head = str_sub(in, 0, (size_t)end + 2), line;
    out->field_count = 0;
    out->content_length = 0;
    if (http_line_cut(&head, &line) != 0 || parse_status_line(line, out) != 0) return PARSE_ERROR;
    while (head.len > 0) {
        if (out->field_count == HTTP_FIELDS_MAX || http_line_cut(&head, &line) != 0) return PARSE_ERROR;
        if (http_field_parse(line, &out->fields[out->field_count]) != 0) return PARSE_ERROR;
        out->field_count++;
    }
    if (parse_framing(out, head_request) != 0) return PARSE_ERROR;
    out->head_len = (size_t)end + 4;
    return PARSE_EVENT;
}

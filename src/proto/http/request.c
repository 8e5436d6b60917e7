#include "proto/http/request.h"

/* origin-form, or the absolute-form that a server has to take too (RFC 9112 section 3.2). What is left begins with "/".
 */
static unsigned parse_target(struct http_request *r) {
    static const struct str schemes[] = {{"http://", 7}, {"https://", 8}};
    struct str rest = r->target;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (!str_starts_nocase(r->target, schemes[i])) continue;
        rest = str_sub(r->target, schemes[i].len, r->target.len);
        ptrdiff_t slash = str_find(rest, '/');
        rest = slash == STR_NPOS ? STR("/") : str_sub(rest, (size_t)slash, rest.len);
    }
    if (rest.len == 0 || rest.ptr[0] != '/') return 400;
    r->path = str_cut(&rest, '?');
    r->query = rest;
    return 0;
}

static unsigned parse_request_line(struct str line, struct http_request *r) {
    ptrdiff_t first = str_find(line, ' '), last = str_rfind(line, ' ');
    if (first == STR_NPOS || first == last) return 400;
    r->method = str_sub(line, 0, (size_t)first);
    r->target = str_sub(line, (size_t)first + 1, (size_t)(last - first) - 1);
    struct str version = str_sub(line, (size_t)last + 1, line.len);
    if (!http_is_token(r->method) || str_find(r->target, ' ') != STR_NPOS || !http_is_clean(r->target)) return 400;
    if (r->target.len > HTTP_TARGET_MAX) return 414;
    if (!str_starts(version, STR("HTTP/")) || version.len != 8) return 400;
    if (!str_eq(version, STR("HTTP/1.1")) && !str_eq(version, STR("HTTP/1.0"))) return 505;
    r->minor = (unsigned)(version.ptr[7] - '0');
    return parse_target(r);
}

static unsigned parse_field(struct str line, struct http_request *r) {
    if (r->field_count == HTTP_FIELDS_MAX) return 431;
    return http_field_parse(line, &r->fields[r->field_count++]) == 0 ? 0 : 400;
}

/* How long the body is (RFC 9112 section 6): both forms at once, or a length given twice, is an attack. */
static unsigned parse_framing(struct http_request *r) {
    bool have_length = false;
    for (size_t i = 0; i < r->field_count; i++) {
        const struct http_field *f = &r->fields[i];
        if (str_eq_nocase(f->name, STR("Content-Length"))) {
            if (have_length || str_to_u64(f->value, INT64_MAX, &r->content_length) != 0) return 400;
            have_length = true;
        } else if (str_eq_nocase(f->name, STR("Transfer-Encoding"))) {
            if (r->chunked || r->minor == 0) return 400;
            if (!str_eq_nocase(f->value, STR("chunked"))) return 501;
            r->chunked = true;
        }
    }
    return have_length && r->chunked ? 400 : 0;
}

/* RFC 9112 section 3.2: exactly one Host in a request of HTTP/1.1. */
static bool host_is_right(const struct http_request *r) {
    unsigned hosts = 0;
    for (size_t i = 0; i < r->field_count; i++) hosts += str_eq_nocase(r->fields[i].name, STR("Host"));
    return r->minor == 0 ? hosts <= 1 : hosts == 1 && http_request_field(r, STR("Host")).len > 0;
}

static unsigned parse_head(struct str head, struct http_request *r) {
    unsigned status = 0;
    bool first = true;
    while (status == 0 && head.len > 0) {
        struct str line;
        if (http_line_cut(&head, &line) != 0) return 400;
        status = first ? parse_request_line(line, r) : parse_field(line, r);
        first = false;
    }
    if (status == 0) status = parse_framing(r);
    if (status != 0) return status;
    struct str connection = http_request_field(r, STR("Connection"));
    r->keep_alive =
        r->minor == 1 ? !http_list_has(connection, STR("close")) : http_list_has(connection, STR("keep-alive"));
    return host_is_right(r) ? 0 : 400;
}

enum http_result http_request_parse(struct str in, struct http_request *out, unsigned *status) {
    /* RFC 9112 section 2.2: an empty line before the request is passed over. */
    size_t skipped = str_starts(in, STR("\r\n")) ? 2 : 0;
    in = str_sub(in, skipped, in.len);
    struct str seen = str_sub(in, 0, HTTP_HEAD_MAX);
    ptrdiff_t end = str_find_str(seen, STR("\r\n\r\n"));
    if (end == STR_NPOS) {
        if (in.len < HTTP_HEAD_MAX) return HTTP_MORE;
        *status = 431;
        return HTTP_ERROR;
    }
    *out = (struct http_request){.head_len = skipped + (size_t)end + 4};
    *status = parse_head(str_sub(in, 0, (size_t)end + 2), out);
    return *status == 0 ? HTTP_REQUEST : HTTP_ERROR;
}

struct str http_request_field(const struct http_request *r, struct str name) {
    return http_field_find(r->fields, r->field_count, name);
}

const char *http_reason(unsigned status) {
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
    }
}

/* Fields of HTTP/1.1 messages (RFC 9110 section 5), for requests and responses. Strict: only CRLF ends a line, no
 * folding, no blanks before the colon. */
#ifndef IEMS_PROTO_HTTP_FIELD_H
#define IEMS_PROTO_HTTP_FIELD_H

#include "base/str.h"

enum { HTTP_FIELDS_MAX = 100 };

struct http_field {
    struct str name, value; /* value without surrounding blanks */
};

bool http_is_token(struct str s); /* RFC 9110 section 5.6.2 */
bool http_is_clean(struct str s); /* no control characters but tabs */
/* "Name: value" without its CRLF. ERR_INVALID. */
NODISCARD int http_field_parse(struct str line, struct http_field *out);
/* Value of the first field of that name; empty when there is none. */
struct str http_field_find(const struct http_field *fields, size_t count, struct str name);
/* Whether a list separated by commas has the token, without case. */
bool http_list_has(struct str list, struct str token);
/* Cuts the next line, which CRLF must end, off `*head`. ERR_INVALID: another line end, or none. */
NODISCARD int http_line_cut(struct str *head, struct str *line);

#endif

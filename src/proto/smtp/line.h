/* Cuts command lines from a stream of bytes (RFC 5321 section 4.1.1.5, 4.5.3.1.4). Only CRLF ends a line.
 *
 * Give the bytes that are there, consume `used`, come again with the rest and more: nothing is copied. A line over the
 * limit is told once, as soon as it is over, and the rest of it is then swallowed. */
#ifndef IEMS_PROTO_SMTP_LINE_H
#define IEMS_PROTO_SMTP_LINE_H

#include "base/parse.h"
#include "base/str.h"

enum {
    SMTP_LINE_MAX =
        2048, /* command with all parameters, CRLF included; RFC 5321 asks for 512 and the extensions' sums */
    SMTP_AUTH_LINE_MAX = 12288, /* AUTH and its responses (RFC 4954 section 4) */
};

enum smtp_line_event {
    SMTP_LINE,          /* `line`, without CRLF */
    SMTP_LINE_TOO_LONG, /* over the limit; its rest will be swallowed */
    SMTP_LINE_BARE_LF,  /* LF without CR: whatever follows cannot be trusted to be what the client meant */
};

struct smtp_lines {
    size_t scanned;  /* bytes of the waiting input that hold no LF */
    bool swallowing; /* rest of a line that was too long */
    uint64_t swallowed;
};

/* `auth_response`: the limit is SMTP_AUTH_LINE_MAX whatever the line begins with. Never PARSE_ERROR. `line` points into
 * `in`. With PARSE_MORE the caller has at most the limit of bytes waiting. */
enum parse smtp_line_next(struct smtp_lines *l, struct str in, bool auth_response, size_t *used,
                          enum smtp_line_event *event, struct str *line);

#endif

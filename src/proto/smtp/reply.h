/* SMTP replies: RFC 5321 section 4.2, enhanced status codes of RFC 2034 and 3463. Parser for clients, formatter for
 * servers. */
#ifndef IEMS_PROTO_SMTP_REPLY_H
#define IEMS_PROTO_SMTP_REPLY_H

#include "base/buf.h"
#include "base/parse.h"

enum {
    SMTP_REPLY_LINE_MAX = 4096, /* RFC 5321 asks for 512; long policy texts and EHLO lines exist */
    SMTP_REPLY_LINES_MAX = 200,
    SMTP_REPLY_TEXT_MAX = 32 * 1024,
    SMTP_ENHANCED_MAX = 12, /* "5.123.456" and NUL */
};

struct smtp_reply {
    unsigned code;                    /* 200 .. 599 */
    char enhanced[SMTP_ENHANCED_MAX]; /* "5.1.1", or "" when there is none */
    struct str text;                  /* lines joined by LF, without codes; lent by the parser */
    unsigned lines;
};

struct smtp_reply_parser {
    size_t scanned;
    unsigned code, lines;
    char enhanced[SMTP_ENHANCED_MAX];
    struct buf text;
    bool complete;
};
void smtp_reply_parser_init(struct smtp_reply_parser *p);
void smtp_reply_parser_done(struct smtp_reply_parser *p);
/* PARSE_EVENT: `out` is a whole reply (its text is valid until the next call). PARSE_ERROR with a reason: the peer does
 * not speak SMTP. `used` bytes are to be consumed in every case. */
enum parse smtp_reply_next(struct smtp_reply_parser *p, struct str in, size_t *used, struct smtp_reply *out,
                           struct error *err);

/* Takes an enhanced code of the class of `code` off the front of `*text`; false when there is none. */
bool smtp_enhanced_take(struct str *text, unsigned code, char out[static SMTP_ENHANCED_MAX]);

/* Appends a reply: one line for each line of `text` (LF between), `enhanced` ("2.1.0"; NULL or "" = none) in each.
 * Bytes that may not stand in a reply become "?". */
void smtp_reply_format(struct buf *out, unsigned code, const char *enhanced, struct str text);

#endif

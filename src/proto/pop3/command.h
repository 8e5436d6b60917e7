/* POP3 commands: RFC 1939, CAPA (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034), UTF8 and LANG (RFC 6856). Sans-I/O.
 * Only CRLF ends a line. */
#ifndef IEMS_PROTO_POP3_COMMAND_H
#define IEMS_PROTO_POP3_COMMAND_H

#include "base/parse.h"
#include "base/str.h"

enum {
    POP3_LINE_MAX = 1024,       /* RFC 2449 section 4 asks for 255; long names and passwords in UTF-8 need more */
    POP3_AUTH_LINE_MAX = 12288, /* AUTH and its responses (RFC 5034 section 4, RFC 4422) */
};

enum pop3_line_event {
    POP3_LINE,          /* `line`, without CRLF */
    POP3_LINE_TOO_LONG, /* over the limit; its rest will be swallowed */
    POP3_LINE_BARE_LF,  /* LF without CR: what follows cannot be trusted to be what the client meant */
};

struct pop3_lines {
    size_t scanned;  /* bytes of the waiting input that hold no LF */
    bool swallowing; /* the rest of a line that was too long */
};
/* Never PARSE_ERROR. `line` points into `in`. `auth_response`: the limit is POP3_AUTH_LINE_MAX whatever the line is. */
enum parse pop3_line_next(struct pop3_lines *l, struct str in, bool auth_response, size_t *used,
                          enum pop3_line_event *event, struct str *line);

enum pop3_verb {
    POP3_APOP,
    POP3_AUTH,
    POP3_CAPA,
    POP3_DELE,
    POP3_LANG,
    POP3_LIST,
    POP3_NOOP,
    POP3_PASS,
    POP3_QUIT,
    POP3_RETR,
    POP3_RSET,
    POP3_STAT,
    POP3_STLS,
    POP3_TOP,
    POP3_UIDL,
    POP3_USER,
    POP3_UTF8,
    POP3_VERBS,
};

struct pop3_command {
    enum pop3_verb verb;
    bool has_number, has_text, has_initial;
    uint32_t number;    /* DELE LIST RETR TOP UIDL: from 1; what is no possible message is 0 */
    uint64_t lines;     /* TOP */
    struct str text;    /* USER PASS: all behind the blank; AUTH: mechanism; LANG: tag */
    struct str initial; /* AUTH: initial response, base64; "=" is given as empty */
};
/* ERR_UNSUPPORTED: no such command. ERR_INVALID: wrong arguments, `*reason` says what is right. */
NODISCARD int pop3_command_parse(struct str line, struct pop3_command *out, const char **reason);
const char *pop3_verb_name(enum pop3_verb verb);

#endif

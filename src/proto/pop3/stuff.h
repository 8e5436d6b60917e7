/* The text of a multi-line answer (RFC 1939 section 3): lines that begin with "." get another, the end is CRLF.CRLF.
 * A bare LF becomes CRLF, so that no client can mistake text for the end. For TOP it also stops behind so many lines.
 */
#ifndef IEMS_PROTO_POP3_STUFF_H
#define IEMS_PROTO_POP3_STUFF_H

#include "base/str.h"

struct pop3_stuff {
    bool line_start, after_cr, in_body, done;
    bool top;
    uint64_t lines;  /* of the body, left */
    size_t line_len; /* 0: nothing but CR was seen of the present line */
};
void pop3_stuff_init(struct pop3_stuff *s);
/* TOP: the header, the empty line, and so many lines of the body. */
void pop3_stuff_init_top(struct pop3_stuff *s, uint64_t lines);
/* Takes the next run off `*in`: send `*insert`, then `*run`. False when `*in` is used up, or s->done (TOP has enough).
 */
bool pop3_stuff_next(struct pop3_stuff *s, struct str *in, struct str *insert, struct str *run);
/* What ends the answer. */
struct str pop3_stuff_end(const struct pop3_stuff *s);

#endif

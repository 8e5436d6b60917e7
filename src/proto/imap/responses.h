/* Gathers what an IMAP server says, for clients: sans-I/O, resumable at any byte (RFC 9051 section 7). A gathered
 * response is its text with literals in place ("{5}\r\nhello"), without the final CRLF; response.h takes it apart. The
 * literal of a BODY[] is not gathered: the caller streams it, and "" stands for it in the text. */
#ifndef IEMS_PROTO_IMAP_RESPONSES_H
#define IEMS_PROTO_IMAP_RESPONSES_H

#include "base/buf.h"
#include "base/parse.h"

enum imap_responses_event {
    IMAP_RESPONSES_WHOLE, /* text holds a response; call imap_responses_reset after it was handled */
    IMAP_RESPONSES_BODY,  /* body_size bytes follow: consume them, then call imap_responses_resume */
};

struct imap_responses {
    struct buf text; /* its maximum is the limit of one response */
    int state;
    size_t line_start;
    uint64_t literal_left;

    /* the last event */
    enum imap_responses_event event;
    uint64_t body_size;
};

void imap_responses_init(struct imap_responses *r, size_t text_max);
void imap_responses_done(struct imap_responses *r);
/* Takes bytes from the front of `in`; `*used` says how many. PARSE_ERROR: a response is too long, or the length of a
 * literal is no number; the connection is of no more use. */
NODISCARD enum parse imap_responses_feed(struct imap_responses *r, struct str in, size_t *used);
void imap_responses_reset(struct imap_responses *r);
void imap_responses_resume(struct imap_responses *r);

#endif

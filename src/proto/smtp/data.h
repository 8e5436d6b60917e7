/* Mail data, RFC 5321 section 4.5.2 (dots), RFC 3030 (chunks). Decoder for receiving, encoder for sending; both give
 * spans of the input, or of static text, and copy nothing.
 *
 * Invariant: only CRLF "." CRLF ends mail data, and a dot is a line's first character only behind CRLF. A CR or LF that
 * stands alone is never an end of line; it is kept (and told), or becomes CRLF, as the policy says. */
#ifndef IEMS_PROTO_SMTP_DATA_H
#define IEMS_PROTO_SMTP_DATA_H

#include "base/str.h"

enum smtp_data_event {
    SMTP_DATA_SPAN, /* call again with what is left of the input */
    SMTP_DATA_MORE, /* all input was used: come again with more */
    SMTP_DATA_END,  /* the final dot was read: the rest of the input is the next command */
};

enum smtp_bare { SMTP_BARE_CR = 1, SMTP_BARE_LF = 2 };

struct smtp_decoder {
    unsigned state;
    bool dots;     /* DATA; without: BDAT, where nothing is special */
    bool fix;      /* a CR or LF that stands alone becomes CRLF; without: it is kept */
    unsigned bare; /* SMTP_BARE_ bits seen so far */
};

void smtp_decoder_init_data(struct smtp_decoder *d, bool fix);
void smtp_decoder_init_bdat(struct smtp_decoder *d, bool fix);
/* `span` (may be empty, with every event) is the next piece of the message; `used` bytes of the input belong to it. */
enum smtp_data_event smtp_decoder_next(struct smtp_decoder *d, struct str in, size_t *used, struct str *span);
/* After the last chunk of BDAT: what was held back (a CR), or empty. */
struct str smtp_decoder_finish(struct smtp_decoder *d);

/* The encoder always fixes line ends: what is sent can be smuggled nowhere. */
struct smtp_encoder {
    unsigned state;
};
void smtp_encoder_init(struct smtp_encoder *e);
/* The next piece to send; false when all input was used. */
bool smtp_encoder_next(struct smtp_encoder *e, struct str in, size_t *used, struct str *span);
/* CRLF if the message does not end in one, and the final dot. */
struct str smtp_encoder_finish(struct smtp_encoder *e);

#endif

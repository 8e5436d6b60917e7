/* A message as programs hand it to sendmail: lines ended by LF or CRLF, with or without a header, ended by the end of
 * input or a line with a single dot. Pure. SCLI-01. */
#ifndef IEMS_CLI_SENDMAIL_INPUT_H
#define IEMS_CLI_SENDMAIL_INPUT_H

#include "base/buf.h"

enum { SENDMAIL_HEADER_MAX = 1024 * 1024 };

struct sendmail_input {
    bool ignore_dots;
    struct buf header;   /* fields with CRLF, without the empty line; complete once `in_body` */
    bool in_body, ended; /* ended: the dot came */
    struct buf line;     /* begun and not ended */
    bool cr;             /* the last byte was CR */
    bool first;
};
void sendmail_input_init(struct sendmail_input *in, bool ignore_dots);
void sendmail_input_done(struct sendmail_input *in);
/* Takes bytes; what belongs to the body is appended to `body`, with CRLF. ERR_LIMIT: the header or a line is too long.
 */
NODISCARD int sendmail_input_feed(struct sendmail_input *in, struct str bytes, struct buf *body);
/* The end of input. */
NODISCARD int sendmail_input_finish(struct sendmail_input *in, struct buf *body);

/* The header as it is sent: what is missing is added (From, Date, Message-ID), Bcc taken out. `recipients` (may be
 * NULL) gets the addresses of To, Cc and Bcc, or of Resent-To and so on if these are there (RFC 5322 section 3.6.6),
 * each ended by LF. */
struct sendmail_fields {
    struct str sender, full_name, hostname, domain; /* domain: for addresses without one */
    struct str ident;                               /* unique, for the Message-ID */
    int64_t now;                                    /* seconds since 1970 */
};
NODISCARD int sendmail_header_make(struct str header, const struct sendmail_fields *f, struct buf *out,
                                   struct buf *recipients);

#endif

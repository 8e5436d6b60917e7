/* The text of a part as UTF-8, streaming: transfer encoding and charset undone. For searching and showing. */
#ifndef IEMS_PROTO_MIME_DECODE_H
#define IEMS_PROTO_MIME_DECODE_H

#include "base/buf.h"

enum mime_encoding { MIME_IDENTITY, MIME_BASE64, MIME_QUOTED_PRINTABLE, MIME_UUENCODE };
/* Of a Content-Transfer-Encoding; what is not known is identity. */
enum mime_encoding mime_encoding_from_name(struct str name);

enum { MIME_CHARSET_MAX = 64 };
/* How the text of a part is written, from its MIME header. */
struct mime_text_form {
    bool is_text; /* text or a subtype of it; a part without Content-Type is */
    bool is_html;
    enum mime_encoding encoding;
    char charset[MIME_CHARSET_MAX];
};
void mime_text_form(struct str mime_header, struct mime_text_form *out);

enum { MIME_PENDING_MAX = 64, MIME_UU_LINE_MAX = 96 };
struct charset;
struct mime_text_decoder {
    enum mime_encoding encoding;
    struct charset *charset;  /* NULL: bytes are given as they are */
    unsigned bits, bit_count; /* base64 */
    char escape[4];           /* quoted-printable: what of "=XX" was seen */
    unsigned escape_len;
    char line[MIME_UU_LINE_MAX]; /* uuencode; quoted-printable: blanks that may stand at the end of a line */
    unsigned line_len;
    bool long_blanks; /* quoted-printable: more blanks than `line` holds: they are text */
    bool in_uu, started;
    char pending[MIME_PENDING_MAX]; /* the beginning of a character */
    unsigned pending_len;
};
void mime_text_decoder_init(struct mime_text_decoder *d, enum mime_encoding encoding, struct str charset);
/* Appends what `in` gives. `last`: nothing follows. Fails only by out's maximum (out->error). */
void mime_text_decoder_feed(struct mime_text_decoder *d, struct str in, bool last, struct buf *out);
/* Transfer encoding only, for the octets of an attachment. */
void mime_octets_decoder_init(struct mime_text_decoder *d, enum mime_encoding encoding);

#endif

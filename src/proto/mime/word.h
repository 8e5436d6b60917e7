/* Encoded-words (RFC 2047), RFC 2231 extended values, and the base subject of RFC 5256. */
#ifndef IEMS_PROTO_MIME_WORD_H
#define IEMS_PROTO_MIME_WORD_H

#include "base/buf.h"

/* Appends `text` as UTF-8: encoded-words decoded, blanks between two of them dropped, raw bytes that are no UTF-8 made
 * U+FFFD, control bytes and line ends made blanks. A word of an unknown charset stays as it is. */
void word_decode(struct buf *out, struct str text);
/* charset'language'%XX text. */
void word_decode_2231(struct buf *out, struct str value);
/* RFC 5256 section 2.1. `*is_reply` (may be NULL): a "Re:", "Fwd:", "(fwd)" or "[fwd: ]" was removed. */
void subject_base(struct buf *out, struct str subject, bool *is_reply);

#endif

/* Attachments travel as base64 (RFC 2045 section 6.8): a third more bytes, which compress badly. Where lines of it are
 * canonical (one length, a multiple of four; CRLF; padding bits zero) a piece is taken apart into text, bytes and a
 * recipe, from which the very same piece comes out again. Everything else stays text, also what only looks like it.
 *
 * The recipe: for each run varint bytes of text before it, varint lines, u8 quarter of the length of a line, varint
 * bytes in the shorter line behind them (0 = none; its line end is text). Varints: 7 bits a byte, the lowest first. */
#ifndef IEMS_STORE_BLOB_ARMOUR_H
#define IEMS_STORE_BLOB_ARMOUR_H

#include "base/buf.h"

/* Appends to the three. The recipe stays empty when there is no base64 worth it; text is the whole then. */
void armour_split(struct str in, struct buf *recipe, struct buf *text, struct buf *binary);
/* Makes exactly `len` bytes. ERR_CORRUPT when the parts do not fit together; `out` may then be half written. */
NODISCARD int armour_join(struct str recipe, struct str text, struct str binary, char *out, size_t len);

void varint_put(struct buf *b, uint64_t v);
/* Takes it off `*rest`. ERR_CORRUPT, also above `max`. */
NODISCARD int varint_get(struct str *rest, uint64_t max, uint64_t *out);

#endif

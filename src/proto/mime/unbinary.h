/* Makes a message that came as literal8 (RFC 3516 section 4.4) storable: parts with Content-Transfer-Encoding binary
 * become base64, as a FETCH of BODY must give them; a NUL elsewhere becomes 0x80. Streams; memory is bounded. Lines
 * end with CRLF; what a boundary line ends is found as RFC 2046 section 5.1.1 says. */
#ifndef IEMS_PROTO_MIME_UNBINARY_H
#define IEMS_PROTO_MIME_UNBINARY_H

#include "base/buf.h"

struct unbinary;
struct unbinary *unbinary_new(void);
void unbinary_free(struct unbinary *u); /* NULL is fine */
/* Appends what is ready to `out`. ERR_NOMEM, or out's error. */
NODISCARD int unbinary_feed(struct unbinary *u, struct str bytes, struct buf *out);
NODISCARD int unbinary_finish(struct unbinary *u, struct buf *out);

#endif

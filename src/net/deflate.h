/* Raw DEFLATE (RFC 1951) in both directions as a filter on a stream: COMPRESS of IMAP (RFC 4978). */
#ifndef IEMS_NET_DEFLATE_H
#define IEMS_NET_DEFLATE_H

#include "net/stream.h"

/* From now on both directions are compressed; flush the stream before. What was received and not consumed is taken as
 * it is. Each stream_flush ends a block, so that the peer can read everything. ERR_NOMEM. */
NODISCARD int deflate_start(struct stream *s);
bool stream_is_deflated(const struct stream *s);

#endif

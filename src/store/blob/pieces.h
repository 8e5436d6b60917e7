/* A body as it is stored, for those who unpack it themselves: of every PACK_PIECE_MAX bytes of it one piece, u32
 * (little-endian) length and bytes, packed (pack.h) if it is shorter than what it stands for. */
#ifndef IEMS_STORE_BLOB_PIECES_H
#define IEMS_STORE_BLOB_PIECES_H

#include "base/buf.h"

void pieces_put(struct buf *out, struct str stored);
/* Makes exactly `len` bytes. ERR_CORRUPT, ERR_NOMEM; `out` may then be half written. */
NODISCARD int pieces_unpack(struct str pieces, char *out, size_t len);

#endif

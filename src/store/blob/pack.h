/* How a piece of a body (at most BLOB_CHUNK bytes) is packed for long: zstd, with a dictionary of what mail consists
 * of, and base64 taken apart (armour.h). Each piece stands for itself, so that ranges stay cheap. On any thread.
 *
 *   u8  PACK_VERSION, with PACK_DICTIONARY and PACK_ARMOUR
 *   without PACK_ARMOUR: a zstd frame
 *   with it: varint length of the recipe, of the text, of the bytes, of the text's frame; recipe; frame of the text;
 *   frame of the bytes
 *
 * A packed piece is always shorter than the piece itself: by its length it is told from one that is not packed. */
#ifndef IEMS_STORE_BLOB_PACK_H
#define IEMS_STORE_BLOB_PACK_H

#include "base/buf.h"

enum {
    PACK_PIECE_MAX = 128 * 1024,
    PACK_VERSION = 0x10,
    PACK_DICTIONARY = 1, /* the text was packed with pack_dictionary */
    PACK_ARMOUR = 2,
};

/* What text is packed with. It must never change: a better one needs a flag of its own. */
extern const struct str pack_dictionary;

/* Appends the packed piece, which was unpacked again and is the same. ERR_LIMIT: it would not be shorter. ERR_NOMEM. */
NODISCARD int pack_piece(struct str raw, struct buf *out);
/* Makes exactly `len` bytes. ERR_CORRUPT, ERR_NOMEM; `out` may then be half written. */
NODISCARD int unpack_piece(struct str packed, char *out, size_t len);

#endif

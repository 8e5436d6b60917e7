#include "store/blob/pieces.h"

#include "store/blob/pack.h"

#include <endian.h>
#include <string.h>

void pieces_put(struct buf *out, struct str stored) {
    uint32_t len = htole32((uint32_t)stored.len);
    buf_add(out, str_of((const char *)&len, sizeof len));
    buf_add(out, stored);
}

static int take_piece(struct str *rest, struct str *piece) {
    uint32_t len;
    if (rest->len < sizeof len) return ERR_CORRUPT;
    memcpy(&len, rest->ptr, sizeof len);
    len = le32toh(len);
    if (rest->len - sizeof len < len) return ERR_CORRUPT;
    *piece = str_of(rest->ptr + sizeof len, len);
    *rest = str_of(piece->ptr + len, rest->len - sizeof len - len);
    return 0;
}

int pieces_unpack(struct str pieces, char *out, size_t len) {
    while (len > 0) {
        struct str piece;
        size_t n = len < PACK_PIECE_MAX ? len : PACK_PIECE_MAX;
        int rc = take_piece(&pieces, &piece);
        if (rc == 0 && piece.len > n) rc = ERR_CORRUPT;
        if (rc == 0 && piece.len == n)
            memcpy(out, piece.ptr, n);
        else if (rc == 0)
            rc = unpack_piece(piece, out, n);
        if (rc != 0) return rc;
        out += n;
        len -= n;
    }
    return pieces.len == 0 ? 0 : ERR_CORRUPT;
}

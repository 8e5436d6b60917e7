/* gzip with bounds, by zlib. */
#include "proto/tlspolicy/tlsrpt.h"

#include <string.h>
#include <zlib.h>

enum { STEP = 16 * 1024, GZIP_WINDOW = 15 + 16 };

int gzip_pack(struct str in, struct buf *out) {
    z_stream z = {0};
    if (in.len > UINT32_MAX) return ERR_LIMIT;
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return ERR_NOMEM;
    z.next_in = (Bytef *)(uintptr_t)in.ptr;
    z.avail_in = (uInt)in.len;
    int rc = Z_OK;
    while (rc == Z_OK) {
        char *to = buf_reserve(out, STEP);
        if (to == NULL) break;
        z.next_out = (Bytef *)to;
        z.avail_out = STEP;
        rc = deflate(&z, Z_FINISH);
        buf_commit(out, STEP - z.avail_out);
    }
    (void)deflateEnd(&z);
    return rc == Z_STREAM_END ? 0 : ERR_NOMEM;
}

int gzip_unpack(struct str in, struct buf *out) {
    z_stream z = {0};
    if (in.len > UINT32_MAX) return ERR_LIMIT;
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK) return ERR_NOMEM;
    z.next_in = (Bytef *)(uintptr_t)in.ptr;
    z.avail_in = (uInt)in.len;
    int rc = Z_OK, result = ERR_INVALID;
    while (rc == Z_OK) {
        char piece[STEP];
        z.next_out = (Bytef *)piece;
        z.avail_out = STEP;
        rc = inflate(&z, Z_NO_FLUSH);
        buf_add(out, str_of(piece, STEP - z.avail_out));
        if (out->error != 0) result = ERR_LIMIT;
        if (out->error != 0 || (z.avail_in == 0 && z.avail_out > 0 && rc == Z_OK)) break;
    }
    (void)inflateEnd(&z);
    return rc == Z_STREAM_END && out->error == 0 ? 0 : result;
}

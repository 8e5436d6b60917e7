/* Invariants: `out` holds compressed bytes that the layer below has not taken; as long as there are any nothing is
 * compressed. `dirty`: zlib holds bytes of which the peer cannot read the end. */
#include "net/deflate.h"

#include "net/fiber.h"
#include "net/stream_private.h"

#include <stdlib.h>
#include <zlib.h>

enum {
    WINDOW_BITS = 13, /* of what we send: 64 KiB of memory together with */
    MEMORY_LEVEL = 6,
    PIECE = 16 * 1024,
    OUT_BYTES = PIECE + 1024, /* a piece, should it grow */
    IN_BYTES = 8 * 1024,
};

struct deflate {
    struct stream *stream;
    z_stream to, from;
    unsigned char in[IN_BYTES], out[OUT_BYTES];
    size_t out_at, out_len;
    bool dirty, ended;
    bool more; /* zlib had more to give than there was room for */
};

static void deflate_free(void *self) {
    struct deflate *d = self;
    (void)deflateEnd(&d->to);
    (void)inflateEnd(&d->from);
    free(d);
}

static int drain(struct deflate *d, int *want) {
    while (d->out_at < d->out_len) {
        long n = stream_lower_write(d, d->stream, (const char *)d->out + d->out_at, d->out_len - d->out_at, want);
        if (n <= 0) return n == ERR_AGAIN ? ERR_AGAIN : ERR_IO;
        d->out_at += (size_t)n;
    }
    d->out_at = d->out_len = 0;
    return 0;
}

static long deflate_read(void *self, char *to, size_t len, int *want) {
    struct deflate *d = self;
    if (d->ended) return 0;
    for (;;) {
        if (d->from.avail_in == 0 && !d->more) {
            long n = stream_lower_read(d, d->stream, (char *)d->in, sizeof d->in, want);
            if (n <= 0) return n;
            d->from.next_in = d->in;
            d->from.avail_in = (uInt)n;
        }
        d->from.next_out = (unsigned char *)to;
        d->from.avail_out = (uInt)(len > UINT32_MAX ? UINT32_MAX : len);
        uInt room = d->from.avail_out;
        int rc = inflate(&d->from, Z_SYNC_FLUSH);
        d->more = d->from.avail_out == 0;
        d->ended = rc == Z_STREAM_END;
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) return ERR_IO;
        if (d->from.avail_out < room) return (long)(room - d->from.avail_out);
        if (d->ended) return 0;
    }
}

/* Compresses what zlib is given into `out`, which is empty. */
static int run(struct deflate *d, int flush) {
    d->to.next_out = d->out;
    d->to.avail_out = sizeof d->out;
    int rc = deflate(&d->to, flush);
    d->out_len = sizeof d->out - d->to.avail_out;
    return rc == Z_OK || rc == Z_BUF_ERROR ? 0 : ERR_IO;
}

static long deflate_write(void *self, const char *from, size_t len, int *want) {
    struct deflate *d = self;
    int rc = drain(d, want);
    if (rc != 0) return rc;
    if (len > PIECE) len = PIECE;
    d->to.next_in = (unsigned char *)(uintptr_t)from;
    d->to.avail_in = (uInt)len;
    d->dirty = true;
    rc = run(d, Z_NO_FLUSH);
    if (rc != 0 || d->to.avail_in == len) return ERR_IO;
    return (long)(len - d->to.avail_in);
}

static int deflate_flush(void *self, int *want) {
    struct deflate *d = self;
    int rc = drain(d, want);
    while (rc == 0 && d->dirty) {
        d->to.avail_in = 0;
        rc = run(d, Z_SYNC_FLUSH);
        d->dirty = d->to.avail_out == 0;
        if (rc == 0) rc = drain(d, want);
    }
    return rc;
}

static bool deflate_pending(void *self) {
    const struct deflate *d = self;
    return d->from.avail_in > 0 || d->more;
}

static const struct stream_ops ops = {
    .name = "deflate",
    .read = deflate_read,
    .write = deflate_write,
    .flush = deflate_flush,
    .pending = deflate_pending,
    .free = deflate_free,
};

int deflate_start(struct stream *s) {
    struct deflate *d = calloc(1, sizeof *d);
    if (d == NULL) return ERR_NOMEM;
    d->stream = s;
    if (deflateInit2(&d->to, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        free(d);
        return ERR_NOMEM;
    }
    if (inflateInit2(&d->from, -MAX_WBITS) != Z_OK || stream_push(s, &ops, d) != 0) {
        deflate_free(d);
        return ERR_NOMEM;
    }
    return 0;
}

bool stream_is_deflated(const struct stream *s) {
    return stream_find_filter(s, &ops) != NULL;
}

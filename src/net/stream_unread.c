/* Gives bytes back to a stream as if they had not been read: a filter that has them in front of what follows. */
#include "net/stream_private.h"

#include <stdlib.h>
#include <string.h>

struct unread {
    struct stream *stream;
    size_t at, len;
    char bytes[];
};

static long unread_read(void *self, char *to, size_t len, int *want) {
    struct unread *u = self;
    if (u->at == u->len) return stream_lower_read(u, u->stream, to, len, want);
    size_t n = u->len - u->at < len ? u->len - u->at : len;
    memcpy(to, u->bytes + u->at, n);
    u->at += n;
    return (long)n;
}

static long unread_write(void *self, const char *from, size_t len, int *want) {
    struct unread *u = self;
    return stream_lower_write(u, u->stream, from, len, want);
}

static bool unread_pending(void *self) {
    const struct unread *u = self;
    return u->at < u->len;
}

int stream_unread(struct stream *s) {
    static const struct stream_ops ops = {
        .name = "unread", .read = unread_read, .write = unread_write, .pending = unread_pending, .free = free};
    struct str in = stream_peek(s);
    if (in.len == 0) return 0;
    struct unread *u = malloc(sizeof *u + in.len);
    if (u == NULL) return ERR_NOMEM;
    *u = (struct unread){.stream = s, .len = in.len};
    memcpy(u->bytes, in.ptr, in.len);
    int rc = stream_push(s, &ops, u);
    if (rc != 0) {
        free(u);
        return rc;
    }
    s->bytes_in -= in.len; /* counted again when they are read again */
    stream_consume(s, in.len);
    return 0;
}

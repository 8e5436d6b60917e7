/* Buffers of streams: two sizes, pooled, so that a stream holds one only while bytes wait in it. Not zeroed. */
#ifndef IEMS_NET_CHUNK_H
#define IEMS_NET_CHUNK_H

#include "base/str.h"

enum {
    CHUNK_SMALL = 16 * 1024,
    CHUNK_LARGE = 64 * 1024,
};

/* Bytes [start, end) of a chunk of `size` wait. Zeroed means: no memory held. */
struct chunk {
    char *ptr;
    uint32_t start, end, size;
};

static inline size_t chunk_len(const struct chunk *c) {
    return c->end - c->start;
}
static inline struct str chunk_str(const struct chunk *c) {
    return c->ptr == NULL ? STR_EMPTY : str_of(c->ptr + c->start, c->end - c->start);
}
/* Makes room for at least `want` bytes behind what waits, moving or growing; ERR_LIMIT beyond CHUNK_LARGE in all. */
NODISCARD int chunk_reserve(struct chunk *c, size_t want);
static inline size_t chunk_room(const struct chunk *c) {
    return c->size - c->end;
}
/* Gives the memory back when nothing is left. */
void chunk_consume(struct chunk *c, size_t n);
void chunk_release(struct chunk *c);
void chunk_pool_free(void);

#endif

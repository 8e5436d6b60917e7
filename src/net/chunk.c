/* The pool of stream buffers: last given back, first taken, so the same few stay warm in the cache. */
#include "net/chunk.h"

#include <stdlib.h>
#include <string.h>

enum { POOL_SMALL = 32, POOL_LARGE = 8 };

static char *small[POOL_SMALL], *large[POOL_LARGE];
static unsigned small_count, large_count;

static char *take(uint32_t size) {
    if (size == CHUNK_SMALL && small_count > 0) return small[--small_count];
    if (size == CHUNK_LARGE && large_count > 0) return large[--large_count];
    return malloc(size);
}

static void give(char *ptr, uint32_t size) {
    if (size == CHUNK_SMALL && small_count < POOL_SMALL) {
        small[small_count++] = ptr;
    } else if (size == CHUNK_LARGE && large_count < POOL_LARGE) {
        large[large_count++] = ptr;
    } else {
        free(ptr);
    }
}

int chunk_reserve(struct chunk *c, size_t want) {
    if (c->size - c->end >= want) return 0;
    size_t len = chunk_len(c);
    if (want > CHUNK_LARGE - len) return ERR_LIMIT;
    if (len + want <= c->size) {
        memmove(c->ptr, c->ptr + c->start, len);
        c->start = 0;
        c->end = (uint32_t)len;
        return 0;
    }
    uint32_t size = len + want <= CHUNK_SMALL ? CHUNK_SMALL : CHUNK_LARGE;
    char *ptr = take(size);
    if (ptr == NULL) return ERR_NOMEM;
    if (len > 0) memcpy(ptr, c->ptr + c->start, len);
    chunk_release(c);
    *c = (struct chunk){.ptr = ptr, .end = (uint32_t)len, .size = size};
    return 0;
}

void chunk_consume(struct chunk *c, size_t n) {
    IEMS_ASSERT(n <= chunk_len(c));
    c->start += (uint32_t)n;
    if (c->start == c->end) chunk_release(c);
}

void chunk_release(struct chunk *c) {
    if (c->ptr != NULL) give(c->ptr, c->size);
    *c = (struct chunk){0};
}

void chunk_pool_free(void) {
    while (small_count > 0) free(small[--small_count]);
    while (large_count > 0) free(large[--large_count]);
}

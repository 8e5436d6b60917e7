/* Shared by the files of this folder only. */
#ifndef IEMS_STORE_BLOB_PRIVATE_H
#define IEMS_STORE_BLOB_PRIVATE_H

#include "store/blob/blob.h"

struct blobs {
    struct store *st;
    struct map *by_id;
    struct list lru; /* least recently used first */
    void (*waits_index)(void *arg, uint64_t id);
    void *waits_arg;
    bool stopping;
    struct pack_stats packed;
    struct {
        uint64_t first, last, bytes; /* chunks of these bodies were replaced since the last time */
        uint64_t settle_at;          /* loop time */
    } tidy;
};

void chunk_key(struct key *k, uint64_t id, uint32_t chunk);

static inline uint32_t chunk_count(uint64_t size) {
    return (uint32_t)((size + BLOB_CHUNK - 1) / BLOB_CHUNK);
}
/* Of chunk `chunk` < chunk_count(size). */
static inline size_t chunk_length(uint64_t size, uint32_t chunk) {
    uint64_t left = size - (uint64_t)chunk * BLOB_CHUNK;
    return left < BLOB_CHUNK ? (size_t)left : BLOB_CHUNK;
}

#endif

/* How the embedded engine is set up: one place for every RocksDB option, with its reason. */
#ifndef IEMS_STORE_ENGINE_ROCKSDB_OPTIONS_H
#define IEMS_STORE_ENGINE_ROCKSDB_OPTIONS_H

#include "store/engine/batch.h"

#include <rocksdb/c.h>

struct rocksdb_setup {
    rocksdb_options_t *db, *space[SPACE_COUNT];
    rocksdb_block_based_table_options_t *table;
    rocksdb_filterpolicy_t *filter;
    rocksdb_cache_t *cache;
};

/* A compaction moves what is alive in so much of the blob files, the oldest ones, to new files. All of them only when
 * it is asked for and for a range: a single deletion in an old table would move all that the table refers to. */
#define BLOB_MOVE_OLDEST "0.25"
#define BLOB_MOVE_ALL    "1.0"

void rocksdb_setup_init(struct rocksdb_setup *s, size_t cache_bytes);
void rocksdb_setup_done(struct rocksdb_setup *s);

#endif

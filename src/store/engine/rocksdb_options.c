#include "store/engine/rocksdb_options.h"

#include <stdlib.h>

enum {
    META_WRITE_BUFFER = 8 * 1024 * 1024,
    BLOB_WRITE_BUFFER = 16 * 1024 * 1024, /* twice this is the most that a stream of large bodies holds in memory */
    WRITE_BUFFERS = 2,
    ARENA_BLOCK = 64 * 1024,      /* memory tables grow in these steps: an idle store stays small */
    WAL_TOTAL = 64 * 1024 * 1024, /* bounds the time of recovery */
    BLOCK_SIZE = 16 * 1024,
    METADATA_BLOCK = 8 * 1024,
    BLOOM_BITS = 10,
    BLOB_MIN = 1024, /* smaller values stay in the tables */
    BLOB_TABLE =
        4 * 1024 * 1024, /* keys of some ten thousand bodies: what a compaction of a range moves at the least */
    BLOB_FILE = 64 * 1024 * 1024,
    OPEN_FILES = 256,
    CHECKSUM_XXH3 = 4,
    BACKGROUND_JOBS = 2,
    INFO_LOG_FILES = 2,
    INFO_LOG_LEVEL_WARN = 2,
    POINT_IN_TIME_RECOVERY = 2, /* a torn tail of the log ends it; it is no error */
    SYNC_STEP = 1024 * 1024,    /* tables are written back in steps, so that a log sync does not wait for them */
};

static void space_common(rocksdb_options_t *o, struct rocksdb_setup *s) {
    rocksdb_options_set_block_based_table_factory(o, s->table);
    rocksdb_options_set_max_write_buffer_number(o, WRITE_BUFFERS);
    rocksdb_options_set_arena_block_size(o, ARENA_BLOCK);
    rocksdb_options_set_compression(o, rocksdb_lz4_compression);
    rocksdb_options_set_bottommost_compression(o, rocksdb_zstd_compression);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(o, 1);
    rocksdb_options_set_report_bg_io_stats(o, 0);
}

static void db_options(rocksdb_options_t *o) {
    rocksdb_options_set_create_if_missing(o, 1);
    rocksdb_options_set_create_missing_column_families(o, 1);
    rocksdb_options_set_wal_recovery_mode(o, POINT_IN_TIME_RECOVERY);
    rocksdb_options_set_max_total_wal_size(o, WAL_TOTAL);
    rocksdb_options_set_max_open_files(o, OPEN_FILES);
    rocksdb_options_set_max_background_jobs(o, BACKGROUND_JOBS);
    rocksdb_options_set_bytes_per_sync(o, SYNC_STEP);
    rocksdb_options_set_enable_write_thread_adaptive_yield(o, 0); /* one thread writes: spinning would only burn time */
    rocksdb_options_set_avoid_unnecessary_blocking_io(o, 1);
    rocksdb_options_set_skip_stats_update_on_db_open(o, 1);
    rocksdb_options_set_stats_dump_period_sec(o, 0); /* no wake-ups while idle */
    rocksdb_options_set_stats_persist_period_sec(o, 0);
    rocksdb_options_set_info_log_level(o, INFO_LOG_LEVEL_WARN);
    rocksdb_options_set_keep_log_file_num(o, INFO_LOG_FILES);
    rocksdb_options_set_paranoid_checks(o, 1);
}

void rocksdb_setup_init(struct rocksdb_setup *s, size_t cache_bytes) {
    s->cache = rocksdb_cache_create_lru(cache_bytes);
    s->filter = rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS);
    s->table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(s->table, s->cache);
    rocksdb_block_based_options_set_filter_policy(s->table, s->filter);
    rocksdb_block_based_options_set_block_size(s->table, BLOCK_SIZE);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(s->table, 1);
    /* In parts: the filter of a large table is more than a shard of the cache holds, and every look-up would read and
     * check the whole of it. */
    rocksdb_block_based_options_set_index_type(s->table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(s->table, 1);
    rocksdb_block_based_options_set_metadata_block_size(s->table, METADATA_BLOCK);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(s->table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(s->table, 1);
    rocksdb_block_based_options_set_format_version(s->table, 5);
    rocksdb_block_based_options_set_checksum(s->table, CHECKSUM_XXH3); /* CRC-32C has no hardware in this build of it */
    s->db = rocksdb_options_create();
    db_options(s->db);
    rocksdb_options_t *meta = s->space[SPACE_META] = rocksdb_options_create();
    space_common(meta, s);
    rocksdb_options_set_write_buffer_size(meta, META_WRITE_BUFFER);
    rocksdb_options_t *blob = s->space[SPACE_BLOB] = rocksdb_options_create();
    space_common(blob, s);
    rocksdb_options_set_write_buffer_size(blob, BLOB_WRITE_BUFFER);
    rocksdb_options_set_enable_blob_files(blob, 1);
    rocksdb_options_set_min_blob_size(blob, BLOB_MIN);
    rocksdb_options_set_target_file_size_base(blob, BLOB_TABLE);
    rocksdb_options_set_blob_file_size(blob, BLOB_FILE);
    /* Not zstd: RocksDB makes a new zstd context for each body, which took a third of the processor time of acceptance.
     */
    rocksdb_options_set_blob_compression_type(blob, rocksdb_lz4_compression);
    rocksdb_options_set_enable_blob_gc(blob, 1);
    rocksdb_options_set_blob_gc_age_cutoff(blob, strtod(BLOB_MOVE_OLDEST, NULL));
    rocksdb_options_set_blob_gc_force_threshold(blob, 0.5);
}

void rocksdb_setup_done(struct rocksdb_setup *s) {
    if (s->db != NULL) rocksdb_options_destroy(s->db);
    for (int i = 0; i < SPACE_COUNT; i++)
        if (s->space[i] != NULL) rocksdb_options_destroy(s->space[i]);
    /* The table options own the filter policy once it is set. */
    if (s->table != NULL) rocksdb_block_based_options_destroy(s->table);
    if (s->cache != NULL) rocksdb_cache_destroy(s->cache);
    *s = (struct rocksdb_setup){0};
}

/* Zeros written ahead in the engine's log. A sync of bytes that overwrite what the file has already costs one flush of
 * the disk; a sync of bytes that make it longer costs two, and twice the time, because its size is journalled. Readers
 * of the log take zeros for its end. (Logs are not used again: RocksDB does not do that with point-in-time recovery.)
 */
#ifndef IEMS_STORE_ENGINE_LOG_FILL_H
#define IEMS_STORE_ENGINE_LOG_FILL_H

#include "base/str.h"

enum { LOG_FILL_STEP = 1024 * 1024, LOG_FILL_AHEAD = 2 * 1024 * 1024, LOG_FILL_PATH_MAX = 4096 };

struct log_fill {
    char dir[LOG_FILL_PATH_MAX];
    uint64_t number; /* of the log that is being written, 0 = not known */
    int fd;
    uint64_t offset;    /* the engine writes at this place or before */
    uint64_t unchecked; /* bytes written since the last look at the folder */
};

void log_fill_init(struct log_fill *f, const char *dir);
void log_fill_done(struct log_fill *f);
/* `bytes` went into the log, and no write is under way. */
void log_fill_wrote(struct log_fill *f, size_t bytes);

#endif

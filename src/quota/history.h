/* The reports that are kept below DIR/reports: quota-TIME.txt, .html, and .sum, a line of numbers for the list, which
 * is written last: what has none is no report (QUOTA-11, QUOTA-12). Files are read and written on workers. */
#ifndef IEMS_QUOTA_HISTORY_H
#define IEMS_QUOTA_HISTORY_H

#include "quota/quota.h"
#include "rpc/quota.pb-c.h"

enum { HISTORY_MAX = 20000, HISTORY_CHUNK = RPC_CHUNK_MAX };

NODISCARD int history_open(struct quota *q, struct error *err);
void history_close(struct quota *q);
/* Newest first, in `arena`. */
NODISCARD int history_list(struct quota *q, struct arena *arena, Quota__History *out, struct error *err);
/* A part of a report, appended to `out`; `at` 0 = the newest, which is told in `*found`. ERR_NOTFOUND. */
NODISCARD int history_read(struct quota *q, int64_t at, bool html, uint64_t offset, struct buf *out, int64_t *found,
                           uint64_t *total, struct error *err);
NODISCARD int history_delete(struct quota *q, int64_t at, struct error *err); /* ERR_NOTFOUND */

#endif

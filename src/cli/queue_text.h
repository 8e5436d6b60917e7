/* Queue entries and numbers as text for a terminal. Pure. */
#ifndef IEMS_CLI_QUEUE_TEXT_H
#define IEMS_CLI_QUEUE_TEXT_H

#include "base/buf.h"
#include "rpc/store.pb-c.h"

enum { RECIPIENTS_SHOWN = 3 }; /* SQST-08 */

/* "512", "12.3 KB", "4.0 MB": at most 8 characters up to terabytes. */
void text_size(uint64_t bytes, struct buf *out);
/* "5s", "12m", "3h", "2d": whole units, the largest that fits; negative = "0s". */
void text_age(int64_t ms, struct buf *out);
/* "ready", "held", "retry in 5m". */
void text_state(const Store__Entry *e, int64_t now_ms, struct buf *out);
/* "<a@b>", the first few, "(+4 more)". */
void text_recipients(const Store__Entry *e, size_t shown, struct buf *out);
/* Control bytes become "?": what others wrote must not steer a terminal. */
void text_clean(struct str s, struct buf *out);
/* Two lines of `iems queue list`: facts, and the reason why it waits if there is one. */
void text_entry(const Store__Entry *e, int64_t now_ms, struct buf *out);
void text_entry_head(struct buf *out);
/* Everything of one entry, a line each: `iems queue show`. */
void text_entry_full(const Store__Entry *e, int64_t now_ms, struct buf *out);
/* As `mailq` prints it (SCLI-03): id, size, date, sender; what keeps it; recipients. `verbose` adds the priority
 * (SCLI-04). */
void text_mailq(const Store__Entry *e, bool verbose, struct buf *out);

#endif

/* Tells the client that a long command is still under way (RFC 9585). */
#ifndef IEMS_IMAPD_PROGRESS_H
#define IEMS_IMAPD_PROGRESS_H

#include "imapd/session.h"

enum { PROGRESS_MS = 10 * 1000 };

struct progress {
    uint64_t next_ms; /* 0 = not begun */
};
/* Cheap; writes, and flushes, at most every PROGRESS_MS. A failure shows at the next use of the stream. */
void progress_tell(struct progress *p, struct session *s, size_t done, size_t goal);
/* The same when it is not known how far the command is. */
void progress_tell_unknown(struct progress *p, struct session *s);

#endif

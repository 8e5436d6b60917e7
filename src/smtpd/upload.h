/* An upload to the store with at most one append under way, in a fiber of its own, so that the session goes on
 * receiving. Outlives the session when it must: the session lets go of it, the fiber ends it. */
#ifndef IEMS_SMTPD_UPLOAD_H
#define IEMS_SMTPD_UPLOAD_H

#include "smtpd/body.h"

struct upload;

/* Opens one; waits. */
NODISCARD int upload_open(const struct store_link *store, uint64_t size_hint, struct upload **out, struct error *err);
/* Takes the bytes out of `piece`, which gets another, empty buffer. Waits for the append before. The result of an
 * append is told by the next call, or by upload_wait. */
NODISCARD int upload_append(struct upload *u, struct buf *piece, struct error *err);
/* Waits until all is appended. */
NODISCARD int upload_wait(struct upload *u, struct error *err);
uint64_t upload_handle(const struct upload *u);
bool upload_is_current(const struct upload *u);
/* Lets go of it; `drop`: tells the store to forget it. NULL is fine. */
void upload_release(struct upload *u, bool drop);

#endif

/* Which recipients go into the next transaction: as many as we and the server allow (RFC 9422). Pure. */
#ifndef IEMS_SMTPC_PICK_H
#define IEMS_SMTPC_PICK_H

#include "rpc/store.pb-c.h"
#include "smtpc/caps.h"
#include "smtpc/outcome.h"

/* Of those that have no outcome, or one that is worth another transaction at once: indexes into `out`, at most `max` of
 * them. How many. */
size_t smtpc_pick(const Store__Entry *e, const struct outcome *o, const struct caps *caps, unsigned max, size_t *out);

#endif

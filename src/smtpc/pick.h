/* Which recipients go into the next transaction: as many as we and the server allow (RFC 9422). Pure. */
#ifndef IEMS_SMTPC_PICK_H
#define IEMS_SMTPC_PICK_H

#include "base/buf.h"
#include "rpc/store.pb-c.h"
#include "smtpc/caps.h"
#include "smtpc/outcome.h"

/* Domains of recipients that a session has named: RCPTDOMAINMAX counts them all (RFC 9422 section 4.3). What is beyond
 * the memory counts anew each time. */
struct pick_said {
    struct buf domains; /* each ended by LF */
    unsigned count;
};
enum { PICK_SAID_MAX = 64 * 1024 };

/* Of those that have no outcome, or one that is worth another transaction at once: indexes into `out`, at most `max` of
 * them. How many; 0 though some are left: the session may name no other domain. Their domains are added to `said`. */
size_t smtpc_pick(const Store__Entry *e, const struct outcome *o, const struct caps *caps, unsigned max,
                  struct pick_said *said, size_t *out);
/* One or more are left to be sent. */
bool smtpc_pick_left(const Store__Entry *e, const struct outcome *o);

#endif

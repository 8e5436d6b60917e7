/* Domains that are known not to be ours, so that the directory need not be asked about each recipient elsewhere. Never
 * stale: iems-dir tells of a change of its domains before it answers the one who made it, and while anything that it
 * said is unread nothing is known here. */
#ifndef IEMS_DAEMON_FOREIGN_H
#define IEMS_DAEMON_FOREIGN_H

#include "base/map.h"
#include "rpc/dir_methods.h"

enum { FOREIGN_DOMAINS_MAX = 4096 }; /* beyond it all are forgotten */

struct foreign {
    struct rpc_client *dir; /* through which addresses are resolved; NULL: nothing is ever known (tests) */
    struct map *domains;
    uint64_t round;        /* grows when what was known is void */
    bool watching, asking; /* iems-dir will tell of the next change; it is being asked to */
};

NODISCARD int foreign_init(struct foreign *f);
void foreign_done(struct foreign *f);
/* True: iems-dir would say NOT_LOCAL of this address. */
bool foreign_has(const struct foreign *f, struct str address);
/* The directory answered NOT_LOCAL; `round`: f->round from before it was asked. */
void foreign_learn(struct foreign *f, struct str address, uint64_t round);

/* For rpc_client_ops of the client of iems-dir. */
void foreign_event(struct foreign *f, uint16_t method);
void foreign_disconnected(struct foreign *f);

#endif

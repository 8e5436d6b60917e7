/* Which of several hosts has a mailbox (DEPL-02, DEPL-06): the one that the entry names, else that of its domain, else
 * dir.mailbox_host. What says nothing is here. */
#ifndef IEMS_DIR_HOST_H
#define IEMS_DIR_HOST_H

#include "dir/resolve.h"

/* The host that has the mailbox; the empty view: this one. Lives as long as the mirror's entries. */
struct str host_of(const struct mirror *m, const struct resolve_settings *s, const struct entry *e);
/* Where that host takes mail, as a next hop: the row of the table `host`, else the host itself, port 25. NULL: out of
 * memory. */
char *host_next_hop(const struct mirror *m, struct str host, struct arena *arena);
/* Whether it is this host, dir.mailbox_host or in the table `host`. */
bool host_is_known(const struct mirror *m, const struct resolve_settings *s, struct str host);

struct dir;
/* ERR_INVALID with the name of the host, for what has to be done where the mailbox is. */
NODISCARD int host_must_be_here(const struct dir *d, const struct entry *e, const char *what, struct error *err);
/* The name of a host as it is kept: lower case; empty = none. ERR_INVALID, also when nobody knows it. */
NODISCARD int host_check(const struct dir *d, const char *text, struct arena *arena, struct str *out,
                         struct error *err);

#endif

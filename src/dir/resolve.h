/* From an address to where its mail goes. Pure look-ups in the mirror; the order of the rules is the table in
 * docs/admin/addresses.md. */
#ifndef IEMS_DIR_RESOLVE_H
#define IEMS_DIR_RESOLVE_H

#include "dir/mirror.h"
#include "rpc/dir.pb-c.h"

struct resolve_settings {
    struct str default_domain;  /* key form */
    struct str separator;       /* of sub-addresses, "" = none */
    struct str postmaster;      /* address, "" = first account */
    struct str own_host;        /* this one */
    struct str mailbox_host;    /* of mailboxes for which none is named; "" = here */
    struct str unknown_channel; /* channel for what nothing matches: "LOCAL" = there is no such user (MTA-05, MTA-06) */
};

enum { RESOLVE_TARGETS_MAX = 256, RESOLVE_DEPTH_MAX = 8 };

/* Fills `out` (an initialised message) with memory of `arena`. An address that is malformed is UNKNOWN. ERR_NOMEM,
 * ERR_LIMIT (more targets than RESOLVE_TARGETS_MAX). */
NODISCARD int resolve_address(struct mirror *m, const struct resolve_settings *s, struct str address,
                              struct arena *arena, Dir__Resolved *out);

/* The entry that owns an address: exact, or through domain aliases, or (sub != NULL) without the sub-address, which
 * then gets its part. Neither postmaster nor catch-all. NULL = none. */
const struct entry *resolve_entry(const struct mirror *m, const struct resolve_settings *s, struct str address,
                                  struct str *sub, struct arena *arena);

#endif

/* Where the recipients of a message go: the decisions of the switch, without any I/O. MTA-01, MTA-02, MTA-07, MTA-16.
 */
#ifndef IEMS_MTA_PLAN_H
#define IEMS_MTA_PLAN_H

#include "base/arena.h"
#include "base/map.h"
#include "daemon/tables.h"
#include "rpc/dir.pb-c.h"
#include "rpc/store.pb-c.h"

#define PLAN_SENT_FOLDER "Sent" /* of copies of what was sent, where no folder has the use \Sent */

struct plan_target {
    size_t recipient;        /* index in the leased entry */
    const char *address;     /* in the channel */
    uint64_t account, quota; /* LOCAL; SMTPC: the account has its mailbox at the destination */
    const char *folder;      /* LOCAL, "" = none */
    bool expanded;           /* one of several that the address stands for */
};

/* One output entry. */
struct plan_group {
    const char *channel, *destination;
    struct plan_target *targets;
    size_t count, capacity;
};

struct plan_failure {
    size_t recipient;
    const char *status, *text; /* "5.1.1" and words for the report */
};

struct plan_config {
    struct str channels; /* names of the output channels that exist, separated by blanks */
    struct str relay;    /* SMTPC destination of everything without a route of its own, or empty (ROUTE-03) */
    const struct rows *routes, *peers; /* tables; NULL = empty */
};

struct plan {
    struct arena *arena;
    struct plan_group *groups;
    size_t group_count, group_capacity;
    struct plan_failure *failures;
    size_t failure_count, failure_capacity;
    struct map *destinations; /* SMTPC destination to group number + 1 */
    struct map *seen;         /* targets of the whole message to the first recipient + 1 who has it: served once */
    size_t slice_first;       /* the first recipient of the slice */
    bool slice_empty;
};

/* Everything is in the arena but the maps; plan_done frees these. */
NODISCARD int plan_init(struct plan *p, struct arena *arena);
void plan_done(struct plan *p);
/* Forgets groups and failures, not what was seen: for the next slice of recipients. */
void plan_next_slice(struct plan *p);
/* Adds recipient number `index` of `e` with what the directory says of it. ERR_NOMEM. */
NODISCARD int plan_add(struct plan *p, const struct plan_config *config, const Store__Entry *e, size_t index,
                       const Dir__Resolved *r);

#endif

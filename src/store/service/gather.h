/* Brings the stored records of messages into memory, with the counts of their bodies held, for COPY, MOVE and EXPUNGE.
 */
#ifndef IEMS_STORE_SERVICE_GATHER_H
#define IEMS_STORE_SERVICE_GATHER_H

#include "store/service/private.h"

struct gathered {
    uint32_t uid;
    struct message_stored stored; /* views into the values */
    struct blob *blob;            /* pinned; NULL: the record is missing or damaged */
    size_t value, value_len;
};

struct gather {
    struct service *s;
    uint64_t folder;
    struct gathered *list;
    size_t count;
    struct buf values;
};

/* Takes up to `max` of the UIDs, fewer when they grow large; g->count says how many. In a fiber. */
NODISCARD int gather_take(struct gather *g, struct service *s, uint64_t folder, const uint32_t *uids, size_t max);
void gather_done(struct gather *g);

#endif

/* Work that is put off until the fibers that are ready now have run: sending what they wrote, in one go. */
#ifndef IEMS_RPC_FLUSH_H
#define IEMS_RPC_FLUSH_H

#include "base/list.h"

struct flush_item {
    struct list node; /* list_init before first use */
    void (*run)(struct flush_item *item);
};

/* Queues the item once. ERR_NOMEM: nothing is queued. */
int flush_later(struct flush_item *item);
void flush_forget(struct flush_item *item);

#endif

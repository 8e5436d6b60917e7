#include "rpc/flush.h"

#include "net/fiber.h"

static struct {
    struct fiber *fiber;
    struct list items;
} flusher;

static void flush_main(void *arg) {
    (void)arg;
    for (;;) {
        struct list batch;
        list_init(&batch);
        while (!list_empty(&flusher.items)) list_push_back(&batch, list_pop_front(&flusher.items));
        for (struct list *l; (l = list_pop_front(&batch)) != NULL;) {
            struct flush_item *item = list_entry(l, struct flush_item, node);
            item->run(item); /* may forget others of the batch: they unlink themselves */
        }
        if (!list_empty(&flusher.items)) {
            fiber_yield();
            continue;
        }
        if (fiber_park(DEADLINE_NEVER) != 0) break; /* the loop ends */
    }
    flusher.fiber = NULL;
}

int flush_later(struct flush_item *item) {
    if (flusher.fiber == NULL) {
        list_init(&flusher.items);
        int rc = fiber_spawn("rpc-flush", flush_main, NULL, &flusher.fiber);
        if (rc != 0) return rc;
    }
    if (list_empty(&item->node)) {
        bool first = list_empty(&flusher.items);
        list_push_back(&flusher.items, &item->node);
        if (first) fiber_wake(flusher.fiber);
    }
    return 0;
}

void flush_forget(struct flush_item *item) {
    list_remove(&item->node);
}

/* Times at which entries are due, the earliest in memory, the others left to the index that they come from: whoever
 * owns the timers reads it again when the horizon is reached. An item is a hint: the index says whether it is true. */
#ifndef IEMS_STORE_QUEUE_DUE_H
#define IEMS_STORE_QUEUE_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DUE_TIMES_MAX = 65536 };

struct due_item {
    int64_t at; /* wall ms */
    uint64_t id;
};

struct due_times {
    struct due_item *heap;
    size_t count, cap;
    struct due_item horizon; /* what is due from here on may stand in the index only */
};

void due_times_init(struct due_times *t); /* empty, and nothing stands in the index only */
void due_times_done(struct due_times *t);
void due_times_add(struct due_times *t, int64_t at, uint64_t id);
/* Takes the first that is due at `now`; false when there is none in memory. */
bool due_times_take(struct due_times *t, int64_t now, struct due_item *out);
/* Adds all of `from`, and its horizon if that is earlier. */
void due_times_merge(struct due_times *t, const struct due_times *from);
int64_t due_times_next(const struct due_times *t); /* INT64_MAX = none */
static inline bool due_times_horizon_reached(const struct due_times *t, int64_t now) {
    return t->horizon.at <= now;
}

#endif

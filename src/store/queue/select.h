/* Choosing entries: the first ones behind a point in an order, by one pass over the index, in memory that depends on
 * the number wanted only. */
#ifndef IEMS_STORE_QUEUE_SELECT_H
#define IEMS_STORE_QUEUE_SELECT_H

#include "store/queue/private.h"

/* A place in an order: the value it sorts by, then the queue id. */
struct point {
    int64_t value;
    char *text; /* SORT_SENDER; owned */
    uint64_t id;
};

struct chosen {
    struct point at;
    size_t key_len;
    char key[]; /* where the entry stood */
};
static inline struct str chosen_key(const struct chosen *c) {
    return str_of(c->key, c->key_len);
}

struct selection {
    const Store__QueueFilter *filter;
    Store__QueueSort sort;
    struct point after; /* lent; id 0 = from the first */
    size_t max;
    bool count_all; /* go on to the end for `total` */
    /* results */
    struct chosen **list; /* a heap, last on top, while it is filled; then in order */
    size_t count;
    uint64_t total, behind;  /* matching entries; those behind `after` */
    struct damaged *damaged; /* keys of what could not be read */
    /* work */
    struct queue *q;
    struct arena *scratch;
};

/* In a fiber. */
NODISCARD int selection_run(struct queue *q, struct selection *s);
void selection_done(struct selection *s);

/* The point as text for the caller to come back with, and back. ERR_INVALID. */
NODISCARD int point_write(const struct point *p, struct buf *out);
NODISCARD int point_parse(struct str text, struct point *out);
void point_done(struct point *p);

/* --- match.c */
bool filter_needs_entry(const Store__QueueFilter *f);
bool filter_matches_index(const Store__QueueFilter *f, const struct indexed *i);
bool filter_matches(const Store__QueueFilter *f, const Store__Entry *e, enum entry_state state);
/* False: the stored entry cannot match. */
bool filter_may_match(const Store__QueueFilter *f, struct str value);

#endif

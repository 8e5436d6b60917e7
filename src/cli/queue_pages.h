/* Walks through the queue page by page. */
#ifndef IEMS_CLI_QUEUE_PAGES_H
#define IEMS_CLI_QUEUE_PAGES_H

#include "cli/cli.h"
#include "rpc/store_methods.h"

enum { QUEUE_TOKEN_MAX = 2100 };

struct queue_walk {
    Store__QueueFilter *filter;
    Store__QueueSort sort;
    uint64_t limit; /* entries at most; 0 = all */
    void (*each)(const Store__Entry *e, void *arg);
    void *arg;
    char token[QUEUE_TOKEN_MAX]; /* in: "" or where an earlier walk ended; out: where to go on, "" = at the end */
    uint64_t count, total;       /* out: entries given; all that match (0 when going on) */
};

/* Calls `each` for the entries that the filter matches, in the order. Prints errors; returns the ERR_ code. */
NODISCARD int queue_walk(struct rpc_client *store, struct queue_walk *w);

#endif

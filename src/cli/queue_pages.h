/* Walks through the queue page by page. */
#ifndef IEMS_CLI_QUEUE_PAGES_H
#define IEMS_CLI_QUEUE_PAGES_H

#include "cli/cli.h"
#include "rpc/store_methods.h"

/* Calls `each` for every entry that the filter matches, in the order of `sort`, at most `limit` (0 = all). `*total`
 * (may be NULL): how many match. An order other than by id is that of the first QUEUE_SORTED_MAX. Prints errors;
 * returns the ERR_ code. */
enum { QUEUE_SORTED_MAX = 1000 };
NODISCARD int queue_pages(struct rpc_client *store, Store__QueueFilter *filter, Store__QueueSort sort, uint64_t limit,
                          void (*each)(const Store__Entry *e, void *arg), void *arg, uint64_t *total);

#endif

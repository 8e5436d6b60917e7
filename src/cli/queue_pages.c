/* See queue_pages.h. */
#include "cli/queue_pages.h"

int queue_pages(struct rpc_client *store, Store__QueueFilter *filter, Store__QueueSort sort, uint64_t limit,
                void (*each)(const Store__Entry *e, void *arg), void *arg, uint64_t *total) {
    Store__QueueList request = STORE__QUEUE_LIST__INIT;
    bool paged = sort == STORE__QUEUE_SORT__SORT_ID, more = true;
    request.filter = filter;
    request.sort = sort;
    for (uint64_t seen = 0; more;) {
        uint64_t left = limit == 0 ? QUEUE_SORTED_MAX : limit - seen;
        request.limit = (uint32_t)(left < QUEUE_SORTED_MAX ? left : QUEUE_SORTED_MAX);
        RPC_REPLY_AUTO reply = {0};
        int rc = cli_call(store, STORE_QUEUE_LIST, &request.base, STR_EMPTY, &reply, "cannot list the queue");
        if (rc != 0) return rc;
        const Store__QueueListed *page = (const Store__QueueListed *)reply.msg;
        for (size_t i = 0; i < page->n_entries; i++) each(page->entries[i], arg);
        if (total != NULL && request.after == 0) *total = page->total;
        seen += page->n_entries;
        if (page->n_entries > 0) request.after = page->entries[page->n_entries - 1]->id;
        more = paged && page->more && page->n_entries > 0 && (limit == 0 || seen < limit);
    }
    return 0;
}

/* See queue_pages.h. */
#include "cli/queue_pages.h"

#include <stdio.h>

enum { PAGE_MAX = 1000 };

int queue_walk(struct rpc_client *store, struct queue_walk *w) {
    bool first = w->token[0] == '\0';
    do {
        Store__QueueList request = STORE__QUEUE_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        uint64_t left = w->limit == 0 ? PAGE_MAX : w->limit - w->count;
        request.filter = w->filter;
        request.sort = w->sort;
        request.token = w->token;
        request.limit = (uint32_t)(left < PAGE_MAX ? left : PAGE_MAX);
        int rc = cli_call(store, STORE_QUEUE_LIST, &request.base, STR_EMPTY, &reply, "cannot list the queue");
        if (rc != 0) return rc;
        const Store__QueueListed *page = (const Store__QueueListed *)reply.msg;
        for (size_t i = 0; i < page->n_entries; i++) w->each(page->entries[i], w->arg);
        if (first) w->total = page->total;
        first = false;
        w->count += page->n_entries;
        (void)snprintf(w->token, sizeof w->token, "%s", page->next);
    } while (w->token[0] != '\0' && (w->limit == 0 || w->count < w->limit));
    return 0;
}

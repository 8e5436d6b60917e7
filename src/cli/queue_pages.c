/* See queue_pages.h. */
#include "cli/queue_pages.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 1000, GROW = 4096 };

/* Pages of `filter` from w->token on until they end or w->limit entries were given to `each`. */
static int pages(struct rpc_client *store, struct queue_walk *w, Store__QueueFilter *filter, Store__QueueSort sort,
                 void (*each)(const Store__Entry *e, void *arg), void *arg) {
    bool first = w->token[0] == '\0';
    do {
        Store__QueueList request = STORE__QUEUE_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        uint64_t left = w->limit == 0 ? PAGE_MAX : w->limit - w->count;
        request.filter = filter;
        request.sort = sort;
        request.token = w->token;
        request.limit = (uint32_t)(left < PAGE_MAX ? left : PAGE_MAX);
        int rc = cli_call(store, STORE_QUEUE_LIST, &request.base, STR_EMPTY, &reply, "cannot list the queue");
        if (rc != 0) return rc;
        const Store__QueueListed *page = (const Store__QueueListed *)reply.msg;
        for (size_t i = 0; i < page->n_entries; i++) each(page->entries[i], arg);
        if (first) w->total = page->total;
        first = false;
        w->count += page->n_entries;
        (void)snprintf(w->token, sizeof w->token, "%s", page->next);
    } while (w->token[0] != '\0' && (w->limit == 0 || w->count < w->limit));
    return 0;
}

/* ---------------------------------------------------------------- all of them in an order */

/* A sorted page costs the store one pass over all that is queued. So the whole list is not made of such pages: the
 * entries are read once in the order in which they lie, sorted here by what counts, and read again by their ids. */
struct sorting {
    Store__QueueSort sort;
    struct place {
        int64_t value; /* as the store orders them: the largest and the oldest first */
        char *text;
        uint64_t id;
    } * list;
    size_t count, capacity;
    bool failed;
};

static void collect(const Store__Entry *e, void *arg) {
    struct sorting *s = arg;
    if (s->count == s->capacity) {
        size_t capacity = s->capacity == 0 ? GROW : s->capacity * 2;
        struct place *list = reallocarray(s->list, capacity, sizeof *list);
        s->failed |= list == NULL;
        if (list == NULL) return;
        s->list = list;
        s->capacity = capacity;
    }
    struct place *p = &s->list[s->count];
    *p = (struct place){.id = e->id};
    switch (s->sort) {
    case STORE__QUEUE_SORT__SORT_PRIORITY: p->value = e->priority; break;
    case STORE__QUEUE_SORT__SORT_SIZE: p->value = -(int64_t)e->size; break;
    case STORE__QUEUE_SORT__SORT_TIME: p->value = e->created; break;
    case STORE__QUEUE_SORT__SORT_SENDER: p->text = strdup(e->sender); break;
    default: break;
    }
    s->failed |= s->sort == STORE__QUEUE_SORT__SORT_SENDER && p->text == NULL;
    s->count++;
}

static int place_cmp(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    int by_text = x->text == NULL || y->text == NULL ? 0 : str_cmp(str_from(x->text), str_from(y->text));
    return by_text != 0 ? by_text : (x->id > y->id) - (x->id < y->id);
}

/* What left the queue meanwhile is not shown. */
static int show_sorted(struct rpc_client *store, struct queue_walk *w, const struct sorting *s) {
    uint64_t ids[PAGE_MAX];
    Store__QueueFilter some = STORE__QUEUE_FILTER__INIT;
    some.ids = ids;
    w->count = 0;
    for (size_t at = 0; at < s->count; at += some.n_ids) {
        struct queue_walk part = {.limit = 0};
        for (some.n_ids = 0; some.n_ids < PAGE_MAX && at + some.n_ids < s->count; some.n_ids++)
            ids[some.n_ids] = s->list[at + some.n_ids].id;
        int rc = pages(store, &part, &some, s->sort, w->each, w->arg);
        if (rc != 0) return rc;
        w->count += part.count;
    }
    return 0;
}

static int walk_sorted(struct rpc_client *store, struct queue_walk *w) {
    struct sorting s = {.sort = w->sort};
    int rc = pages(store, w, w->filter, STORE__QUEUE_SORT__SORT_ID, collect, &s);
    if (rc == 0 && s.failed) {
        cli_error("out of memory");
        rc = ERR_NOMEM;
    }
    if (rc == 0 && s.count > 0) qsort(s.list, s.count, sizeof *s.list, place_cmp);
    if (rc == 0) rc = show_sorted(store, w, &s);
    for (size_t i = 0; i < s.count; i++) free(s.list[i].text);
    free(s.list);
    return rc;
}

int queue_walk(struct rpc_client *store, struct queue_walk *w) {
    bool all = w->limit == 0 && w->token[0] == '\0' && w->sort != STORE__QUEUE_SORT__SORT_ID;
    return all ? walk_sorted(store, w) : pages(store, w, w->filter, w->sort, w->each, w->arg);
}

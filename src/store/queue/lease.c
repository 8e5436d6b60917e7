/* Leases: who holds which entry. They live in memory only: what a peer held returns when it is gone. */
#include "base/clock.h"
#include "store/queue/private.h"

#include <stdlib.h>

void queue_client_init(struct queue_client *c) {
    list_init(&c->leases);
    list_init(&c->listens);
}

void busy_add(struct queue *q, uint64_t id) {
    uintptr_t n = (uintptr_t)map_get(q->busy, map_u64_key(&id));
    IEMS_ASSERT(map_put(q->busy, map_u64_key(&id), (void *)(n + 1), NULL) == 0);
}

void busy_remove(struct queue *q, uint64_t id) {
    uintptr_t n = (uintptr_t)map_remove(q->busy, map_u64_key(&id));
    if (n > 1) IEMS_ASSERT(map_put(q->busy, map_u64_key(&id), (void *)(n - 1), NULL) == 0);
}

bool queue_is_free(struct queue *q, uint64_t id) {
    return map_get(q->leases, map_u64_key(&id)) == NULL && map_get(q->busy, map_u64_key(&id)) == NULL;
}

struct lease_new {
    struct arena *arena;
    Store__Entry *entry;
    struct buf body, summary;
    enum entry_state state;
    const struct key *key;
    bool has_body;
};

static int read_places(struct queue *q, const struct place *places, size_t count, struct lease_new *n) {
    int rc = ERR_NOTFOUND;
    for (size_t i = 0; i < count && rc == ERR_NOTFOUND; i++) {
        rc = entry_get(q, key_str(&places[i].key), n->arena, &n->entry);
        n->state = places[i].state;
        n->key = &places[i].key;
    }
    return rc;
}

/* What waits comes first: nothing is decided here. The entry is busy meanwhile. */
static int lease_load(struct queue *q, const struct place *places, size_t count, uint64_t body_max, bool with_summary,
                      struct lease_new *n) {
    int rc = read_places(q, places, count, n);
    if (rc == 0 && n->state == ENTRY_HELD) rc = ERR_NOTFOUND;
    if (rc != 0) return rc;
    const Store__Entry *e = n->entry;
    n->has_body = e->prefix.len + e->size <= body_max;
    if (n->has_body) {
        buf_add(&n->body, rpc_bytes(e->prefix));
        rc = blob_read(q->st, e->blob, e->size, 0, e->size, &n->body);
        if (rc == ERR_NOTFOUND) rc = ERR_CORRUPT; /* the entry is there, its body is not */
    }
    if (rc == 0 && with_summary) {
        rc = blob_summary(q->st, e->blob, &n->summary);
        if (rc == ERR_NOTFOUND) rc = 0;
    }
    return rc;
}

static struct lease *lease_make(struct queue *q, struct queue_client *c, struct listen *l, struct lease_new *n,
                                bool attention) {
    struct lease *lease = calloc(1, sizeof *lease);
    Store__Entry *e = n->entry;
    IEMS_ASSERT(lease != NULL);
    *lease = (struct lease){.client = c,
                            .listen = l,
                            .arena = n->arena,
                            .entry = e,
                            .left = (uint32_t)e->n_recipients,
                            .state = n->state,
                            .attention = attention};
    n->arena = NULL;
    lease->done = arena_alloc(lease->arena, e->n_recipients + 1);
    IEMS_ASSERT(lease->done != NULL);
    lease->dest = dest_get(channel_get(q, entry_channel(e)), entry_dest(e));
    count_state(lease->dest, lease->state, e->size, -1);
    lease->dest->channel->bytes += e->size;
    lease->dest->channel->leased++;
    lease->dest->leased++;
    list_push_back(&c->leases, &lease->link);
    if (l != NULL) l->used++;
    if (attention) c->attention++;
    IEMS_ASSERT(map_put(q->leases, map_u64_key(&e->id), lease, NULL) == 0);
    suspect_leased(q, lease);
    q->counters.leased++;
    return lease;
}

static int lease_send(struct queue_client *c, struct lease *lease, struct lease_new *n) {
    Store__Lease msg = STORE__LEASE__INIT;
    Store__Entry entry = *lease->entry;
    entry.summary = rpc_binary(buf_str(&n->summary));
    msg.entry = &entry;
    msg.attention = lease->attention;
    msg.has_body = n->has_body;
    return c->send(c, STORE_EVENT_LEASE, &msg.base, n->has_body ? buf_str(&n->body) : STR_EMPTY);
}

int lease_start(struct queue *q, struct queue_client *c, struct listen *l, uint64_t id, const struct place *places,
                size_t count, bool attention, uint64_t body_max, bool with_summary) {
    if (!queue_is_free(q, id) || order_pending(q, id)) return ERR_AGAIN;
    struct lease_new n = {
        .arena = arena_new(ENTRY_MEMORY_MAX), .body = BUF_INIT(RPC_FRAME_MAX), .summary = BUF_INIT(STORE_VALUE_MAX)};
    if (body_max > RPC_CHUNK_MAX) body_max = RPC_CHUNK_MAX;
    busy_add(q, id);
    c->pins++;
    int rc = lease_load(q, places, count, body_max, with_summary, &n);
    busy_remove(q, id);
    if (rc == ERR_CORRUPT) (void)!quarantine_entry(q, key_str(n.key), "the queue entry or its body cannot be read");
    if (rc == 0 && (c->gone || (l != NULL && l->channel == NULL))) rc = ERR_CLOSED;
    if (rc == 0) {
        struct lease *lease = lease_make(q, c, l, &n, attention);
        rc = lease_send(c, lease, &n);
        if (rc != 0) lease_return(q, lease);
    }
    arena_free(n.arena);
    buf_done(&n.body);
    buf_done(&n.summary);
    queue_client_unpin(c);
    return rc;
}

/* Ends the lease: takes it out of the counts. What becomes of the entry is counted by the caller. */
static void lease_free(struct queue *q, struct lease *l) {
    struct dest *d = l->dest;
    suspect_unleased(q, l);
    d->leased--;
    d->channel->leased--;
    d->channel->bytes -= l->entry->size;
    map_remove(q->leases, map_u64_key(&l->entry->id));
    list_remove(&l->link);
    if (l->client != NULL && l->attention) l->client->attention--;
    if (l->listen != NULL) {
        l->listen->used--;
        push_wake(d->channel);
    }
    arena_free(l->arena);
    free(l);
}

void lease_end(struct queue *q, struct lease *l, bool remains) {
    if (remains) order_run(q, l->entry->id);
    lease_free(q, l);
}

void lease_return(struct queue *q, struct lease *l) {
    struct dest *d = l->dest;
    Store__Entry *e = l->entry;
    bool attention = l->attention, ready = l->state == ENTRY_READY;
    uint64_t id = e->id;
    int32_t priority = e->priority;
    count_state(d, l->state, e->size, 1);
    struct channel *c = d->channel;
    lease_end(q, l, true);
    if (ready)
        dest_add_ready(d, priority, id);
    else
        clock_due_at(q, DUE_READY, clock_wall_ms(), id); /* its time may have come while it was leased */
    if (attention) attention_again(q, c, id);
    dest_settle(d);
}

static void client_release(struct queue_client *c) {
    if (!c->gone || c->pins > 0) return;
    for (struct list *it; (it = list_pop_front(&c->listens)) != NULL;) free(list_entry(it, struct listen, of_client));
    c->released(c);
}

void queue_client_unpin(struct queue_client *c) {
    c->pins--;
    client_release(c);
}

void queue_client_gone(struct queue *q, struct queue_client *c) {
    c->gone = true;
    list_foreach_safe(it, &c->leases) {
        struct lease *l = list_entry(it, struct lease, link);
        l->listen = NULL;
        if (l->committing) { /* the commit ends it, or returns it */
            list_remove(&l->link);
            l->client = NULL;
            continue;
        }
        suspect_lost(q, l);
        lease_return(q, l);
    }
    list_foreach(it, &c->listens) {
        struct listen *l = list_entry(it, struct listen, of_client);
        list_remove(&l->of_channel);
        l->channel = NULL;
    }
    client_release(c);
}

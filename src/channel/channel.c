/* See channel.h. */
#include "channel/channel.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/fiber.h"
#include "net/loop.h"

#include <stdlib.h>

struct channel {
    struct rpc_client *store;
    struct channel_config config;
    const struct channel_ops *ops;
    void *arg;
    uint64_t generation; /* of the connection to the store */
    unsigned running;
    bool stopping;
    struct cond idle;
};

static void *arena_pb_alloc(void *arena, size_t size) {
    return arena_alloc(arena, size);
}
static void arena_pb_free(void *arena, void *p) {
    (void)arena;
    (void)p;
}

/* The event is lent by the RPC layer: a copy lives as long as the lease. */
static struct lease *lease_new(struct channel *c, const Store__Lease *event, struct str attach) {
    struct arena *arena = arena_new(LEASE_MEMORY_MAX);
    if (arena == NULL) return NULL;
    struct lease *l = arena_alloc(arena, sizeof *l);
    ProtobufCAllocator allocator = {arena_pb_alloc, arena_pb_free, arena};
    size_t size = store__entry__get_packed_size(event->entry);
    uint8_t *packed = arena_alloc(arena, size + 1);
    if (l == NULL || packed == NULL) goto failed;
    store__entry__pack(event->entry, packed);
    l->entry = store__entry__unpack(&allocator, size, packed);
    if (l->entry == NULL) goto failed;
    if (event->has_body) {
        l->body = arena_str(arena, attach);
        if (l->body.ptr == NULL) goto failed;
    }
    list_init(&l->node);
    l->channel = c;
    l->arena = arena;
    l->attention = event->attention;
    l->has_body = event->has_body;
    l->generation = c->generation;
    return l;
failed:
    arena_free(arena);
    return NULL;
}

void lease_free(struct lease *l) {
    if (l == NULL) return;
    list_remove(&l->node);
    arena_free(l->arena);
}

bool lease_valid(const struct lease *l) {
    return l->generation == l->channel->generation;
}

static void work(void *arg) {
    struct lease *l = arg;
    struct channel *c = l->channel;
    c->ops->lease(l, c->arg);
    lease_free(l);
    if (--c->running == 0) cond_broadcast(&c->idle);
}

static void lease_came(struct channel *c, const Store__Lease *event, struct str attach) {
    if (event->entry == NULL || c->stopping) return;
    struct lease *l = lease_new(c, event, attach);
    if (l == NULL) {
        log_event(LOG_ERROR, event->entry->trace, "lease-failed", "queue=%s id=%llu error=\"out of memory\"",
                  c->config.name, (unsigned long long)event->entry->id);
        rpc_client_reset(c->store);
        return;
    }
    if (c->config.by_destination && !l->attention) {
        c->ops->leased(l, c->arg);
        return;
    }
    c->running++;
    if (fiber_spawn("lease", work, l, NULL) != 0) {
        c->running--;
        lease_free(l);
        rpc_client_reset(c->store);
    }
}

static void on_event(struct rpc_client *client, uint16_t method, const ProtobufCMessage *msg, struct str attach,
                     void *arg) {
    struct channel *c = arg;
    (void)client;
    if (method == STORE_EVENT_LEASE) {
        lease_came(c, (const Store__Lease *)msg, attach);
    } else if (method == STORE_EVENT_DESTINATION_READY && c->ops->destination_ready != NULL && !c->stopping) {
        const Store__DestinationReady *ready = (const Store__DestinationReady *)msg;
        c->ops->destination_ready(ready->destination, ready->waiting, c->arg);
    }
}

static void on_connected(struct rpc_client *client, void *arg) {
    struct channel *c = arg;
    Store__QueueListen listen = STORE__QUEUE_LISTEN__INIT;
    c->generation++;
    if (c->stopping) return;
    listen.channel = (char *)(uintptr_t)c->config.name;
    listen.credit = c->config.credit;
    listen.body_max = c->config.body_max;
    listen.by_destination = c->config.by_destination;
    struct error err = {0};
    if (rpc_call(client, STORE_QUEUE_LISTEN, &listen.base, STR_EMPTY, loop_now_ms() + CHANNEL_CALL_MS, NULL, &err) != 0)
        log_event(LOG_ERROR, "-", "queue-listen-failed", "queue=%s error=\"%s\"", c->config.name, err.text);
    else
        log_event(LOG_INFO, "-", "queue-listening", "queue=%s credit=%u", c->config.name, c->config.credit);
}

static void on_disconnected(struct rpc_client *client, void *arg) {
    struct channel *c = arg;
    (void)client;
    c->generation++;
    log_event(LOG_WARNING, "-", "queue-connection-lost", "queue=%s leases=%u", c->config.name, c->running);
}

static const struct rpc_client_ops client_ops = {
    .connected = on_connected, .disconnected = on_disconnected, .event = on_event};

int channel_open(struct daemon *d, const struct channel_config *config, const struct channel_ops *ops, void *arg,
                 struct channel **out) {
    struct channel *c = calloc(1, sizeof *c);
    if (c == NULL) return ERR_NOMEM;
    c->config = *config;
    c->ops = ops;
    c->arg = arg;
    cond_init(&c->idle);
    *out = c; /* leases may come before daemon_client returns */
    int rc = daemon_client(d, &store_service, &client_ops, c, &c->store);
    if (rc != 0) {
        *out = NULL;
        free(c);
    }
    return rc;
}

void channel_drain(struct channel *c, uint64_t deadline_ms) {
    c->stopping = true;
    while (c->running > 0)
        if (cond_wait(&c->idle, deadline_ms) != 0) return;
}

struct rpc_client *channel_store(struct channel *c) {
    return c->store;
}

/* What an administrator sees of the destinations, and their rest (SQST-01, SQST-06). */
#include "base/clock.h"
#include "store/queue/private.h"

#include <stdlib.h>
#include <string.h>

int queue_destination_defer(struct queue *q, const Store__DestinationDefer *r, struct error *err) {
    struct str channel = str_from(r->channel), name = str_from(r->destination);
    if (channel.len == 0 || channel.len > CHANNEL_NAME_MAX || name.len > QUEUE_TEXT_MAX)
        return error_set(err, ERR_INVALID, "channel or destination is malformed");
    struct dest *d = dest_get(channel_get(q, channel), name);
    int64_t until = r->until > clock_wall_ms() ? r->until : 0;
    struct key k;
    struct batch b;
    batch_init(&b);
    key_start(&k, KEY_DESTINATION);
    key_text(&k, channel);
    key_bytes(&k, name);
    BUF_AUTO v = BUF_INIT(4096);
    wire_u64(&v, (uint64_t)until);
    wire_u32(&v, r->attempts);
    wire_bytes(&v, str_sub(str_from(r->reason), 0, QUEUE_TEXT_MAX));
    if (until != 0)
        batch_put(&b, SPACE_META, key_str(&k), buf_str(&v));
    else
        batch_delete(&b, SPACE_META, key_str(&k));
    dest_wait(d, until, str_from(r->reason), r->attempts);
    int rc = store_commit(q->st, &b, COMMIT_RELAXED, NULL);
    batch_done(&b);
    return rc;
}

static int by_dest_name(const void *a, const void *b) {
    return strcmp((*(struct dest *const *)a)->name, (*(struct dest *const *)b)->name);
}

void queue_destination_list(struct queue *q, const Store__DestinationList *r, struct arena *arena,
                            Store__DestinationListed *reply) {
    struct channel *c = channel_find(q, str_from(r->channel));
    size_t n = 0, all = c == NULL ? 0 : map_count(c->dests),
           limit = r->limit == 0 || r->limit > QUEUE_LIST_MAX ? QUEUE_LIST_MAX : r->limit;
    struct dest **list = calloc(all + 1, sizeof(struct dest *));
    IEMS_ASSERT(list != NULL);
    struct str name;
    void *p;
    for (size_t pos = 0; c != NULL && map_next(c->dests, &pos, &name, &p);) {
        struct dest *d = p;
        if (d->ready + d->deferred + d->leased == 0 && d->until == 0) continue;
        if (r->after[0] == 0 || str_cmp(name, str_from(r->after)) > 0) list[n++] = d;
    }
    qsort(list, n, sizeof(struct dest *), by_dest_name);
    reply->destinations = arena_alloc(arena, (limit + 1) * sizeof(Store__DestinationInfo *));
    for (size_t i = 0; i < n && i < limit && reply->destinations != NULL; i++) {
        Store__DestinationInfo *info = arena_alloc(arena, sizeof *info);
        if (info == NULL) break;
        store__destination_info__init(info);
        info->channel = arena_cstr(arena, str_from(c->name));
        info->destination = arena_cstr(arena, str_from(list[i]->name));
        info->reason = arena_cstr(arena, str_from(list[i]->reason));
        info->waiting = list[i]->ready + list[i]->deferred + list[i]->leased;
        info->until = list[i]->until;
        info->attempts = list[i]->attempts;
        info->oldest = list[i]->oldest;
        reply->destinations[reply->n_destinations++] = info;
    }
    reply->more = n > limit;
    free(list);
}

void queue_stats(struct queue *q, struct arena *arena, Store__QueueStats *reply) {
    struct str name;
    void *p;
    reply->channels = arena_alloc(arena, (map_count(q->channels) + 1) * sizeof(Store__ChannelCount *));
    for (size_t pos = 0; reply->channels != NULL && map_next(q->channels, &pos, &name, &p);) {
        struct channel *c = p;
        Store__ChannelCount *n = arena_alloc(arena, sizeof *n);
        if (n == NULL) return;
        store__channel_count__init(n);
        n->channel = c->name;
        n->ready = c->ready;
        n->deferred = c->deferred;
        n->leased = c->leased;
        n->held = c->held;
        n->bytes = c->bytes;
        reply->channels[reply->n_channels++] = n;
    }
}

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

/* --- what the entries of a destination say, where it does not rest itself; on a worker */
enum { PEEK_MAX = 20 };

struct peek {
    struct arena *arena; /* of the reply */
    struct arena *scratch;
    Store__DestinationInfo *info;
    unsigned seen;
};

struct peeks {
    struct engine *e;
    struct peek *list;
    size_t count;
};

static void peek_one(struct peek *p, struct str value) {
    Store__Entry *e;
    arena_reset(p->scratch);
    if (entry_decode(value, p->scratch, &e) != 0) return;
    if (p->info->next_ready == 0 || e->ready < p->info->next_ready) p->info->next_ready = e->ready;
    char *reason = p->info->reason[0] == 0 && e->reason[0] != 0 ? arena_cstr(p->arena, str_from(e->reason)) : NULL;
    if (reason != NULL) p->info->reason = reason;
}

static void peek_work(void *arg) {
    struct peeks *w = arg;
    for (size_t i = 0; i < w->count; i++) {
        struct peek *p = &w->list[i];
        struct key from, to;
        struct str key, value;
        struct engine_iter *it;
        place_key(&from, ENTRY_DEFERRED, str_from(p->info->channel), str_from(p->info->destination), 0, 0);
        from.len -= 12;
        to = from;
        key_end_of_prefix(&to);
        struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to)};
        if (engine_iter_open(w->e, &r, &it) != 0) return;
        while (p->seen++ < PEEK_MAX && engine_iter_next(w->e, it, &key, &value)) peek_one(p, value);
        if (engine_iter_close(w->e, it) != 0) return;
    }
}

static Store__DestinationInfo *info_of(const struct dest *d, struct arena *arena) {
    Store__DestinationInfo *info = arena_alloc(arena, sizeof *info);
    if (info == NULL) return NULL;
    store__destination_info__init(info);
    info->channel = arena_cstr(arena, str_from(d->channel->name));
    info->destination = arena_cstr(arena, str_from(d->name));
    info->reason = arena_cstr(arena, d->reason != NULL ? str_from(d->reason) : STR_EMPTY);
    info->waiting = d->ready + d->deferred + d->leased;
    info->until = d->until;
    info->attempts = d->attempts;
    info->oldest = d->oldest;
    return info->channel == NULL || info->destination == NULL || info->reason == NULL ? NULL : info;
}

static size_t dests_chosen(struct channel *c, const Store__DestinationList *r, struct dest **out) {
    struct str name;
    void *p;
    size_t n = 0;
    for (size_t pos = 0; c != NULL && map_next(c->dests, &pos, &name, &p);) {
        struct dest *d = p;
        if (d->ready + d->deferred + d->leased == 0 && d->until == 0) continue;
        if (!dest_name_matches(name, str_from(r->match))) continue;
        if (r->after[0] == 0 || str_cmp(name, str_from(r->after)) > 0) out[n++] = d;
    }
    qsort(out, n, sizeof(struct dest *), by_dest_name);
    return n;
}

int queue_destination_list(struct queue *q, const Store__DestinationList *r, struct arena *arena,
                           Store__DestinationListed *reply) {
    struct channel *c = channel_find(q, str_from(r->channel));
    size_t limit = r->limit == 0 || r->limit > QUEUE_LIST_MAX ? QUEUE_LIST_MAX : r->limit;
    struct dest **list = calloc(c == NULL ? 1 : map_count(c->dests) + 1, sizeof(struct dest *));
    IEMS_ASSERT(list != NULL);
    size_t n = dests_chosen(c, r, list);
    struct peeks peeks = {.e = q->st->engine, .list = arena_alloc(arena, (limit + 1) * sizeof(struct peek))};
    reply->destinations = arena_alloc(arena, (limit + 1) * sizeof(Store__DestinationInfo *));
    bool bad = reply->destinations == NULL || peeks.list == NULL;
    ARENA_AUTO scratch = arena_new(ENTRY_MEMORY_MAX);
    for (size_t i = 0; i < n && i < limit && !bad; i++) {
        Store__DestinationInfo *info = info_of(list[i], arena);
        bad = info == NULL;
        if (bad) break;
        reply->destinations[reply->n_destinations++] = info;
        if (info->until == 0 && list[i]->deferred > 0)
            peeks.list[peeks.count++] = (struct peek){arena, scratch, info, 0};
    }
    reply->more = n > limit;
    free(list);
    if (bad) return ERR_NOMEM;
    return peeks.count > 0 ? store_work(peek_work, &peeks) : 0;
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

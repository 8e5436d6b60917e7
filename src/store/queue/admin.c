/* What an administrator sees and does: lists, actions, destinations, counts (SQST-01 to SQST-12). */
#include "base/clock.h"
#include "rpc/frame.h"
#include "store/queue/private.h"

#include <stdlib.h>
#include <string.h>

enum {
    LIST_DEFAULT = 100,
    MATCHED_MAX = 1000000,
    KEYS_MEMORY = 256 * 1024 * 1024,
    LIST_MEMORY = 64 * 1024 * 1024,
    ACTION_SLICE = 200
};

static bool matches_recipient(const Store__Entry *e, struct str want) {
    for (size_t i = 0; i < e->n_recipients; i++)
        if (str_find_str_nocase(str_from(e->recipients[i]->address), want) >= 0) return true;
    return false;
}

static bool matches(const Store__QueueFilter *f, const Store__Entry *e) {
    if (f == NULL) return true;
    if (f->channel[0] != 0 && !str_eq_nocase(str_from(f->channel), entry_channel(e))) return false;
    if (!dest_name_matches(entry_dest(e), str_from(f->destination))) return false;
    if (f->held && !e->held) return false;
    struct str sender = str_from(e->sender);
    if (f->sender[0] != 0 && str_find_str_nocase(sender, str_from(f->sender)) < 0) return false;
    if (f->sender_domain[0] != 0) {
        ptrdiff_t at = str_rfind(sender, '@');
        if (at < 0 || !str_eq_nocase(str_sub(sender, (size_t)at + 1, sender.len), str_from(f->sender_domain)))
            return false;
    }
    return f->recipient[0] == 0 || matches_recipient(e, str_from(f->recipient));
}

/* --- the scan over all entries, on a worker */
struct found {
    uint64_t id, size;
    int64_t created;
    int32_t priority;
    size_t key, key_len; /* in scan->keys */
    char *sender;        /* SORT_SENDER */
};

struct scan {
    const Store__QueueFilter *filter;
    Store__QueueSort sort;
    struct found *list;
    size_t count, cap;
    struct buf keys;
    struct arena *scratch;
};

static void scan_add(struct scan *s, struct str key, const Store__Entry *e) {
    if (s->count == s->cap) {
        s->cap = s->cap * 2 + 64;
        s->list = realloc(s->list, s->cap * sizeof *s->list);
        IEMS_ASSERT(s->list != NULL);
    }
    s->list[s->count++] = (struct found){
        .id = e->id,
        .size = e->size,
        .created = e->created,
        .priority = e->priority,
        .key = s->keys.len,
        .key_len = key.len,
        .sender = s->sort == STORE__QUEUE_SORT__SORT_SENDER ? str_dup(str_from(e->sender)) : NULL,
    };
    buf_add(&s->keys, key);
}

static bool wanted_id(const Store__QueueFilter *f, uint64_t id) {
    if (f == NULL || f->n_ids == 0) return true;
    for (size_t i = 0; i < f->n_ids; i++)
        if (f->ids[i] == id) return true;
    return false;
}

static bool scan_one(void *arg, struct str key, struct str value) {
    struct scan *s = arg;
    Store__Entry *e;
    if (!wanted_id(s->filter, entry_key_id(key))) return true;
    arena_reset(s->scratch);
    if (entry_decode(value, s->scratch, &e) != 0 || !matches(s->filter, e)) return true;
    scan_add(s, key, e);
    return s->count < MATCHED_MAX && s->keys.error == 0;
}

static int scan_entries(struct queue *q, struct scan *s) {
    s->scratch = arena_new(ENTRY_MEMORY_MAX);
    buf_init(&s->keys, KEYS_MEMORY);
    int rc = store_wait_applied(q->st, commit_last(q->st->commits));
    for (size_t i = 0; i < ENTRY_KINDS && rc == 0; i++) {
        unsigned char from = (unsigned char)entry_kinds[i], to = (unsigned char)(from + 1);
        struct engine_range r = {.space = SPACE_META, .once = true, .from = str_of(&from, 1), .to = str_of(&to, 1)};
        rc = store_scan(q->st, &r, scan_one, s);
    }
    arena_free(s->scratch);
    return rc != 0 ? rc : s->keys.error;
}

static struct str found_key(const struct scan *s, const struct found *f) {
    return str_of(s->keys.ptr + f->key, f->key_len);
}

static void scan_done(struct scan *s) {
    for (size_t i = 0; i < s->count; i++) free(s->list[i].sender);
    free(s->list);
    buf_done(&s->keys);
}

static int by_id(const struct found *a, const struct found *b) {
    return a->id < b->id ? -1 : a->id > b->id;
}

static int cmp_id(const void *a, const void *b) {
    return by_id(a, b);
}

static int cmp_priority(const void *x, const void *y) {
    const struct found *a = x, *b = y;
    return a->priority != b->priority ? (a->priority < b->priority ? -1 : 1) : by_id(a, b);
}

static int cmp_size(const void *x, const void *y) {
    const struct found *a = x, *b = y;
    return a->size != b->size ? (a->size > b->size ? -1 : 1) : by_id(a, b);
}

static int cmp_time(const void *x, const void *y) {
    const struct found *a = x, *b = y;
    return a->created != b->created ? (a->created < b->created ? -1 : 1) : by_id(a, b);
}

static int cmp_sender(const void *x, const void *y) {
    const struct found *a = x, *b = y;
    int c = str_cmp(str_from(a->sender), str_from(b->sender));
    return c != 0 ? c : by_id(a, b);
}

static int (*const comparisons[])(const void *, const void *) = {
    [STORE__QUEUE_SORT__SORT_ID] = cmp_id,         [STORE__QUEUE_SORT__SORT_PRIORITY] = cmp_priority,
    [STORE__QUEUE_SORT__SORT_SIZE] = cmp_size,     [STORE__QUEUE_SORT__SORT_TIME] = cmp_time,
    [STORE__QUEUE_SORT__SORT_SENDER] = cmp_sender,
};

/* What a person sees: an entry whose destination waits is not ready, and has the destination's reason. */
static void show_destination(struct queue *q, struct arena *arena, Store__Entry *e) {
    struct channel *c = channel_find(q, str_from(e->channel));
    struct dest *d = c == NULL ? NULL : dest_find(c, str_from(e->destination));
    if (d == NULL || d->until <= e->ready) return;
    e->ready = d->until;
    char *reason = d->reason == NULL ? NULL : arena_cstr(arena, str_from(d->reason));
    if (reason != NULL) e->reason = reason;
}

int queue_list(struct queue *q, const Store__QueueList *r, struct arena *arena, Store__QueueListed *reply,
               struct error *err) {
    if ((unsigned)r->sort >= sizeof comparisons / sizeof comparisons[0])
        return error_set(err, ERR_INVALID, "unknown order of the list");
    struct scan s = {.filter = r->filter, .sort = r->sort};
    int rc = scan_entries(q, &s);
    uint32_t limit = r->limit == 0 ? LIST_DEFAULT : r->limit > QUEUE_LIST_MAX ? QUEUE_LIST_MAX : r->limit;
    reply->entries = arena_alloc(arena, limit * sizeof(Store__Entry *));
    if (rc == 0 && reply->entries == NULL) rc = ERR_NOMEM;
    if (rc == 0 && s.count > 0) qsort(s.list, s.count, sizeof *s.list, comparisons[r->sort]);
    reply->total = s.count;
    size_t i = 0; /* behind the last that was seen: by position in the order, or for plain ids by number */
    if (r->after != 0) {
        while (i < s.count &&
               (r->sort == STORE__QUEUE_SORT__SORT_ID ? s.list[i].id <= r->after : s.list[i].id != r->after))
            i++;
        if (r->sort != STORE__QUEUE_SORT__SORT_ID) i = i < s.count ? i + 1 : 0;
    }
    for (; rc == 0 && i < s.count && reply->n_entries < limit && arena_used(arena) < RPC_FRAME_MAX / 4; i++) {
        Store__Entry *e;
        rc = entry_get(q, found_key(&s, &s.list[i]), arena, &e);
        if (rc == 0) {
            show_destination(q, arena, e);
            reply->entries[reply->n_entries++] = e;
        } else if (rc == ERR_NOTFOUND) {
            rc = 0;
        }
    }
    reply->more = i < s.count;
    scan_done(&s);
    return rc == 0 ? 0 : error_set(err, rc, "the queue cannot be listed: %s", err_name(rc));
}

/* --- actions */
static void to_input(Store__Entry *e, const char *reason) {
    e->channel = (char *)(uintptr_t) "INPUT";
    e->destination = (char *)(uintptr_t) "";
    e->bounce_reason = (char *)(uintptr_t)(reason[0] != 0 ? reason : "The message was returned by the administrator.");
    e->held = false;
    e->ready = e->warn = e->expires = 0;
}

/* The entry after the verb; false when the verb changes nothing. */
static bool verb_change(Store__Entry *e, enum entry_state state, Store__QueueVerb verb, const char *reason) {
    switch (verb) {
    case STORE__QUEUE_VERB__VERB_HOLD:
        if (state == ENTRY_HELD) return false;
        e->held = true;
        if (reason[0] != 0) e->reason = (char *)(uintptr_t)reason;
        return true;
    case STORE__QUEUE_VERB__VERB_RELEASE:
        if (state != ENTRY_HELD) return false;
        e->held = false;
        return true;
    case STORE__QUEUE_VERB__VERB_RETRY:
        if (state != ENTRY_DEFERRED) return false;
        e->ready = 0;
        return true;
    case STORE__QUEUE_VERB__VERB_BOUNCE: to_input(e, reason); return true;
    case STORE__QUEUE_VERB__VERB_DELETE: return true;
    default: return false;
    }
}

struct act {
    struct queue *q;
    const Store__QueueAction *r;
    struct batch b;
    struct applied applied[ACTION_SLICE];
    size_t count;
    struct arena *arena;
};

static char *act_line(struct act *a) {
    static const char *const names[] = {"", "held", "released", "retried", "deleted", "bounced"};
    return arena_printf(a->arena, "queue %s by=%s reason=\"%s\"", names[a->r->verb], a->r->by, a->r->reason);
}

static void act_change(struct act *a, Store__Entry *e, enum entry_state state, struct blob *blob) {
    struct queue *q = a->q;
    struct dest *from = dest_get(channel_get(q, entry_channel(e)), entry_dest(e));
    Store__Entry old = *e;
    (void)verb_change(e, state, a->r->verb, a->r->reason);
    entry_delete(&a->b, &old, state);
    count_state(from, state, e->size, -1);
    clock_moved(q, e->id);
    attention_done(q, e->id);
    char *line = act_line(a);
    struct buf none = BUF_INIT(1);
    if (line != NULL) trace_put(q, &a->b, str_from(e->trace), &none, &line, 1);
    struct applied *out = &a->applied[a->count++];
    *out = (struct applied){.id = e->id, .dest = from, .priority = e->priority};
    busy_add(q, e->id);
    if (a->r->verb == STORE__QUEUE_VERB__VERB_DELETE) {
        blob_add_refs(q->bs, &a->b, blob, -1);
        from->pins++;
        return;
    }
    enum entry_state now = e->held ? ENTRY_HELD : e->ready > clock_wall_ms() ? ENTRY_DEFERRED : ENTRY_READY;
    out->dest = dest_get(channel_get(q, entry_channel(e)), entry_dest(e));
    out->dest->pins++;
    out->ready = now == ENTRY_READY;
    entry_put(q, &a->b, e, now);
    count_state(out->dest, now, e->size, 1);
    if (from != out->dest) dest_settle(from);
}

/* A retry also ends the wait of its destination. */
static void end_wait(struct queue *q, const Store__Entry *e) {
    struct channel *c = channel_find(q, entry_channel(e));
    struct dest *d = c == NULL ? NULL : dest_find(c, entry_dest(e));
    if (d != NULL && d->until != 0) dest_wait(d, 1, STR_EMPTY, d->attempts);
}

static int act_one(struct act *a, uint64_t id, struct str key, bool *acted) {
    struct queue *q = a->q;
    Store__Entry *e;
    struct blob *blob = NULL;
    struct lease *l = map_get(q->leases, map_u64_key(&id));
    *acted = false;
    if (l != NULL) { /* done when the lease ends */
        l->verb = a->r->verb;
        free(l->verb_reason);
        l->verb_reason = str_dup(str_from(a->r->reason));
        *acted = true;
        return 0;
    }
    if (map_get(q->busy, map_u64_key(&id)) != NULL) return ERR_AGAIN;
    busy_add(q, id);
    enum entry_state state = entry_key_state(key);
    int rc = entry_get(q, key, a->arena, &e);
    Store__Entry probe = rc == 0 ? *e : (Store__Entry)STORE__ENTRY__INIT;
    if (rc == 0 && a->r->verb == STORE__QUEUE_VERB__VERB_DELETE) rc = blob_pin(q->bs, e->blob, &blob);
    busy_remove(q, id);
    if (rc == 0 && a->r->verb == STORE__QUEUE_VERB__VERB_RETRY) {
        end_wait(q, e);
        *acted = state == ENTRY_READY;
    }
    if (rc == 0 && verb_change(&probe, state, a->r->verb, a->r->reason)) {
        act_change(a, e, state, blob);
        *acted = true;
    }
    blob_unpin(q->bs, blob);
    return rc == ERR_NOTFOUND ? 0 : rc;
}

static int act_flush(struct act *a) {
    int rc = batch_empty(&a->b) ? 0 : store_commit(a->q->st, &a->b, COMMIT_DURABLE, NULL);
    for (size_t i = 0; i < a->count; i++) {
        busy_remove(a->q, a->applied[i].id);
        entry_applied(a->q, &a->applied[i]);
    }
    a->count = 0;
    arena_reset(a->arena);
    return rc;
}

static int act_all(struct act *a, const struct scan *s, uint64_t *count) {
    int rc = 0;
    for (size_t i = 0; i < s->count && rc == 0; i++) {
        bool acted = false;
        rc = act_one(a, s->list[i].id, found_key(s, &s->list[i]), &acted);
        if (rc == ERR_AGAIN) { /* a commit moves it just now: once more behind it */
            rc = act_flush(a);
            if (rc == 0) rc = store_wait_durable(a->q->st, commit_last(a->q->st->commits));
            struct place place;
            if (rc == 0) rc = entry_find(a->q, s->list[i].id, &place);
            if (rc == 0) rc = act_one(a, s->list[i].id, key_str(&place.key), &acted);
            if (rc == ERR_AGAIN || rc == ERR_NOTFOUND) rc = 0;
        }
        *count += acted;
        if (rc == 0 && a->count == ACTION_SLICE) rc = act_flush(a);
    }
    int flushed = act_flush(a);
    return rc != 0 ? rc : flushed;
}

int queue_action(struct queue *q, const Store__QueueAction *r, uint64_t *count, struct error *err) {
    if (r->verb <= STORE__QUEUE_VERB__VERB_NONE || r->verb > STORE__QUEUE_VERB__VERB_BOUNCE)
        return error_set(err, ERR_INVALID, "unknown action on the queue");
    if (str_from(r->reason).len > QUEUE_TEXT_MAX)
        return error_set(err, ERR_LIMIT, "the reason may have at most %d bytes", QUEUE_TEXT_MAX);
    struct scan s = {.filter = r->filter};
    int rc = scan_entries(q, &s);
    struct act *a = calloc(1, sizeof *a);
    IEMS_ASSERT(a != NULL);
    a->q = q;
    a->r = r;
    a->arena = arena_new(LIST_MEMORY);
    batch_init(&a->b);
    uint64_t n = 0;
    if (rc == 0) rc = act_all(a, &s, &n);
    batch_done(&a->b);
    arena_free(a->arena);
    free(a);
    scan_done(&s);
    if (rc != 0) return error_set(err, rc, "the action failed: %s", err_name(rc));
    *count = n;
    return 0;
}

/* --- destinations */
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

/* Start: the index is read once; counts, timers and waits are made from it. Entries themselves are read when they are
 * wanted. */
#include "base/clock.h"
#include "store/queue/private.h"

#include <stdlib.h>
#include <string.h>

struct queue *queue_new(struct store *st, struct blobs *bs, struct mailboxes *m) {
    struct queue *q = calloc(1, sizeof *q);
    IEMS_ASSERT(q != NULL);
    *q = (struct queue){.st = st, .bs = bs, .m = m, .trace_days = 7};
    for (int i = 0; i < DUE_KINDS; i++) due_times_init(&q->due[i]);
    q->channels = map_new(MAP_BYTES);
    q->leases = map_new(MAP_BYTES);
    q->busy = map_new(MAP_BYTES);
    q->moved = map_new(MAP_BYTES);
    q->attention = map_new(MAP_BYTES);
    q->suspects = map_new(MAP_BYTES);
    q->orders = map_new(MAP_BYTES);
    cond_init(&q->clock_work);
    return q;
}

void queue_set_trace_days(struct queue *q, unsigned days) {
    q->trace_days = days;
}

void queue_on_quarantined(struct queue *q, void (*fn)(const struct queue_quarantined *what, void *arg), void *arg) {
    q->quarantined = fn;
    q->quarantined_arg = arg;
}

struct start {
    struct queue *q;
    struct dest *last; /* neighbours mostly have the same destination */
    struct damaged *damaged;
};

static struct dest *start_dest(struct start *s, struct str channel, struct str name) {
    if (s->last != NULL && str_eq(channel, str_from(s->last->channel->name)) && str_eq(name, str_from(s->last->name)))
        return s->last;
    return s->last = dest_get(channel_get(s->q, channel), name);
}

static void start_count(struct start *s, const struct indexed *i) {
    struct dest *d = start_dest(s, i->channel, i->dest);
    count_state(d, i->state, i->size, 1);
    if (d->oldest == 0 || i->created < d->oldest) d->oldest = i->created;
}

/* A damaged record must not keep the store from starting. */
static bool start_ready(void *arg, struct str key, struct str value) {
    struct start *s = arg;
    struct entry_head h;
    struct place_parts p;
    if (!place_key_parse(key, &p)) return true;
    if (!entry_head(value, &h)) {
        damaged_add(&s->damaged, key);
        return true;
    }
    start_count(s,
                &(struct indexed){
                    .state = ENTRY_READY, .size = h.size, .created = h.created, .channel = p.channel, .dest = p.dest});
    return true;
}

static bool start_indexed(void *arg, struct str key, struct str value) {
    struct start *s = arg;
    struct indexed i;
    if (key.len != 9 || !index_parse(value, &i)) return true;
    start_count(s, &i);
    clock_due(s->q, &i, key_get_u64(key, 1));
    return true;
}

static bool start_destination(void *arg, struct str key, struct str value) {
    struct start *s = arg;
    struct str rest = str_sub(key, 1, key.len), channel = str_cut(&rest, 0);
    struct wire w = wire_of(value);
    int64_t until = (int64_t)wire_get_u64(&w);
    uint32_t attempts = wire_get_u32(&w);
    struct str reason = wire_get_bytes(&w);
    bool good = !w.bad && until != 0 && channel.len > 0 && channel.len <= CHANNEL_NAME_MAX;
    struct dest *d = good ? start_dest(s, channel, rest) : NULL;
    if (d != NULL) dest_wait(d, until, reason, attempts);
    s->last = NULL; /* a destination without entries may be gone again */
    return true;
}

static const struct {
    enum key_kind kind;
    bool (*each)(void *arg, struct str key, struct str value);
} start_scans[] = {{KEY_READY, start_ready}, {KEY_INDEX, start_indexed}, {KEY_DESTINATION, start_destination}};

static void start_offer(struct dest *d) {
    if (d->ready > 0) dest_scan_from_start(d);
    dest_settle(d);
}

int queue_start(struct queue *q, struct error *err) {
    struct start s = {.q = q};
    for (size_t i = 0; i < sizeof start_scans / sizeof start_scans[0]; i++) {
        unsigned char from = (unsigned char)start_scans[i].kind, to = (unsigned char)(from + 1);
        struct engine_range r = {.space = SPACE_META, .once = true, .from = str_of(&from, 1), .to = str_of(&to, 1)};
        s.last = NULL;
        int rc = store_scan(q->st, &r, start_scans[i].each, &s);
        if (rc != 0) return error_set(err, rc, "the queue cannot be read: %s", err_name(rc));
    }
    struct str name;
    void *c, *d;
    for (size_t i = 0; map_next(q->channels, &i, &name, &c);)
        for (size_t j = 0; map_next(((struct channel *)c)->dests, &j, &name, &d);) start_offer(d);
    int rc = orders_start(q);
    if (rc != 0) return error_set(err, rc, "the queue cannot be read: %s", err_name(rc));
    rc = clock_start(q);
    if (rc == 0) quarantine_damaged(q, s.damaged);
    damaged_free(s.damaged);
    return rc != 0 ? error_set(err, rc, "no fiber for the queue") : 0;
}

static bool fibers_alive(struct queue *q) {
    struct str name;
    void *c;
    if (q->clock != NULL || q->background > 0) return true;
    for (size_t pos = 0; map_next(q->channels, &pos, &name, &c);)
        if (((struct channel *)c)->pusher != NULL) return true;
    return false;
}

void queue_stop(struct queue *q) {
    q->stopping = true;
    clock_stop(q);
    push_stop(q);
    while (fibers_alive(q))
        if (fiber_sleep(1) != 0) break;
}

static void channel_free(void *p) {
    struct channel *c = p;
    map_free(c->dests, dest_free);
    free(c);
}

void queue_free(struct queue *q) {
    if (q == NULL) return;
    map_free(q->channels, channel_free);
    map_free(q->leases, NULL);
    map_free(q->busy, NULL);
    map_free(q->moved, NULL);
    map_free(q->attention, attention_free);
    map_free(q->suspects, suspect_free);
    map_free(q->orders, order_free);
    free(q->waits);
    for (int i = 0; i < DUE_KINDS; i++) due_times_done(&q->due[i]);
    free(q);
}

const struct queue_counters *queue_counters(const struct queue *q) {
    return &q->counters;
}

/* A leased entry is at hand; others are looked for. */
static int read_entry(struct queue *q, uint64_t id, struct arena *arena, Store__Entry **out) {
    struct lease *l = map_get(q->leases, map_u64_key(&id));
    struct place place;
    struct key k;
    if (l == NULL) {
        int rc = entry_find(q, id, &place);
        return rc != 0 ? rc : entry_get(q, key_str(&place.key), arena, out);
    }
    index_key(&k, l->entry, l->state);
    return entry_get(q, key_str(&k), arena, out);
}

int queue_read(struct queue *q, uint64_t id, uint64_t offset, uint64_t length, struct buf *out, uint64_t *total,
               struct error *err) {
    ARENA_AUTO arena = arena_new(ENTRY_MEMORY_MAX);
    Store__Entry *e;
    int rc = read_entry(q, id, arena, &e);
    if (rc == ERR_NOTFOUND) return error_set(err, rc, "there is no queue entry %llu", (unsigned long long)id);
    if (rc != 0) return rc;
    uint64_t size = e->prefix.len + e->size;
    if (offset > size) offset = size;
    if (length == 0 || length > size - offset) length = size - offset;
    if (length > RPC_CHUNK_MAX) length = RPC_CHUNK_MAX;
    *total = size;
    struct str head =
        str_sub(rpc_bytes(e->prefix), offset < e->prefix.len ? (size_t)offset : e->prefix.len, (size_t)length);
    buf_add(out, head);
    if (head.len == length) return out->error;
    uint64_t from = offset + head.len - e->prefix.len;
    return blob_read(q->st, e->blob, e->size, from, length - head.len, out);
}

/* What happens by itself: DEFERRED entries become READY, entries whose warn or expires time came are offered for
 * attention, destinations end their wait. One fiber that sleeps until the next of these. The times of the next are in
 * memory (due.h); when they are used up, the index is read for more. */
#include "base/clock.h"
#include "net/loop.h"
#include "store/queue/private.h"

#include <stdlib.h>

enum { SWEEP_MAX = 1000, ATTENTION_MAX = 1000, RETRY_MS = 1000, SLEEP_MAX_MS = 3600 * 1000 };

/* An entry whose time came. `value` and what points into it is owned. */
struct due {
    uint64_t id;
    bool found;
    struct buf index, value; /* value: DUE_READY, the entry as it stands in the engine */
    struct indexed i;
};

struct sweep {
    struct engine *e;
    enum due_kind kind;
    int64_t now;
    struct due list[SWEEP_MAX];
    size_t count;
    int rc;
};

static int64_t due_time(const struct indexed *i, enum due_kind kind) {
    if (kind == DUE_READY) return i->state == ENTRY_DEFERRED ? i->ready : INT64_MAX;
    return i->state == ENTRY_HELD || i->attention == 0 ? INT64_MAX : i->attention;
}

void clock_due_at(struct queue *q, enum due_kind kind, int64_t at, uint64_t id) {
    struct due_times *t = &q->due[kind];
    bool sooner = at < due_times_next(t);
    due_times_add(t, at, id);
    if (sooner) clock_wake(q);
}

void clock_due(struct queue *q, const struct indexed *i, uint64_t id) {
    for (int kind = 0; kind < DUE_KINDS; kind++) {
        int64_t at = due_time(i, (enum due_kind)kind);
        if (at != INT64_MAX) clock_due_at(q, (enum due_kind)kind, at, id);
    }
}

/* --- reading on */
struct load {
    enum due_kind kind;
    struct due_times found;
};

static bool load_one(void *arg, struct str key, struct str value) {
    struct load *l = arg;
    struct indexed i;
    if (key.len != 9 || !index_parse(value, &i)) return true;
    int64_t at = due_time(&i, l->kind);
    if (at != INT64_MAX) due_times_add(&l->found, at, key_get_u64(key, 1));
    return true;
}

/* What is put into the index meanwhile comes to the timers by itself. */
static int load(struct queue *q, enum due_kind kind) {
    struct load l = {.kind = kind};
    struct due_times *t = &q->due[kind];
    struct due_item horizon = t->horizon;
    unsigned char from = KEY_INDEX, to = KEY_INDEX + 1;
    struct engine_range r = {.space = SPACE_META, .once = true, .from = str_of(&from, 1), .to = str_of(&to, 1)};
    due_times_init(&l.found);
    t->horizon = l.found.horizon;
    int rc = store_wait_applied(q->st, commit_last(q->st->commits));
    if (rc == 0) rc = store_scan(q->st, &r, load_one, &l);
    if (rc != 0) l.found.horizon = horizon;
    due_times_merge(t, &l.found);
    due_times_done(&l.found);
    return rc;
}

/* --- a sweep: what is due now, read on a worker */
static void sweep_read(void *arg) {
    struct sweep *s = arg;
    for (size_t n = 0; n < s->count; n++) {
        struct due *d = &s->list[n];
        struct key k = key_of_id(KEY_INDEX, d->id);
        int rc = engine_get(s->e, SPACE_META, key_str(&k), READ_ANY, &d->index);
        if (rc == 0 && !index_parse(buf_str(&d->index), &d->i)) rc = ERR_CORRUPT;
        if (rc == 0 && due_time(&d->i, s->kind) > s->now) continue; /* it was changed since; its new time is known */
        if (rc == 0 && s->kind == DUE_READY) {
            place_key(&k, d->i.state, d->i.channel, d->i.dest, d->i.priority, d->id);
            rc = engine_get(s->e, SPACE_META, key_str(&k), READ_ANY, &d->value);
        }
        d->found = rc == 0; /* a damaged record is left to the check */
        if (rc != 0 && rc != ERR_NOTFOUND && rc != ERR_CORRUPT) s->rc = rc;
    }
}

static struct sweep *sweep(struct queue *q, enum due_kind kind, size_t max) {
    struct sweep *s = calloc(1, sizeof *s);
    struct due_item item;
    IEMS_ASSERT(s != NULL);
    s->e = q->st->engine;
    s->kind = kind;
    s->now = clock_wall_ms();
    while (s->count < max && due_times_take(&q->due[kind], s->now, &item))
        s->list[s->count++] =
            (struct due){.id = item.id, .index = BUF_INIT(INDEX_VALUE_MAX), .value = BUF_INIT(STORE_VALUE_MAX)};
    map_free(q->moved, NULL);
    q->moved = map_new(MAP_BYTES);
    q->sweeping = true;
    int rc = store_wait_applied(q->st, commit_last(q->st->commits));
    if (rc == 0) rc = store_work(sweep_read, s);
    q->sweeping = false;
    if (rc != 0) s->rc = rc;
    return s;
}

/* What cannot be done now is looked at again. */
static void sweep_again(struct queue *q, struct sweep *s, const struct due *d) {
    clock_due_at(q, s->kind, s->now + RETRY_MS, d->id);
}

static void sweep_free(struct queue *q, struct sweep *s) {
    for (size_t i = 0; i < s->count; i++) {
        if (s->rc != 0) sweep_again(q, s, &s->list[i]);
        buf_done(&s->list[i].index);
        buf_done(&s->list[i].value);
    }
    if (s->rc != 0) q->due_pause[s->kind] = s->now + RETRY_MS;
    free(s);
}

static bool was_moved(struct queue *q, const struct due *d) {
    return map_get(q->moved, map_u64_key(&d->id)) != NULL;
}

static struct applied promote_one(struct queue *q, struct batch *b, const struct due *d) {
    struct key from, to;
    place_key(&from, ENTRY_DEFERRED, d->i.channel, d->i.dest, d->i.priority, d->id);
    place_key(&to, ENTRY_READY, d->i.channel, d->i.dest, d->i.priority, d->id);
    batch_delete(b, SPACE_META, key_str(&from));
    batch_put(b, SPACE_META, key_str(&to), buf_str(&d->value));
    struct indexed i = d->i;
    i.state = ENTRY_READY;
    if (to.bytes[0] == KEY_ENTRY) {
        index_put(b, d->id, &i);
    } else {
        struct key k = key_of_id(KEY_INDEX, d->id);
        batch_delete(b, SPACE_META, key_str(&k));
    }
    struct dest *dest = dest_get(channel_get(q, d->i.channel), d->i.dest);
    count_state(dest, ENTRY_DEFERRED, d->i.size, -1);
    count_state(dest, ENTRY_READY, d->i.size, 1);
    dest->pins++;
    busy_add(q, d->id);
    return (struct applied){.id = d->id, .dest = dest, .priority = d->i.priority, .ready = true};
}

/* What a commit moved since the scan is leased or busy, or was: `moved` tells. */
static void promote(struct queue *q) {
    struct sweep *s = sweep(q, DUE_READY, SWEEP_MAX);
    struct applied *applied = calloc(s->count + 1, sizeof *applied);
    size_t count = 0;
    struct batch b;
    IEMS_ASSERT(applied != NULL);
    batch_init(&b);
    for (size_t i = 0; i < s->count && s->rc == 0 && !q->stopping; i++) {
        const struct due *d = &s->list[i];
        if (!d->found || was_moved(q, d)) continue;
        if (queue_is_free(q, d->id))
            applied[count++] = promote_one(q, &b, d);
        else
            sweep_again(q, s, d);
    }
    if (!batch_empty(&b)) s->rc = store_commit(q->st, &b, COMMIT_RELAXED, NULL);
    batch_done(&b);
    for (size_t i = 0; i < count; i++) {
        busy_remove(q, applied[i].id);
        entry_applied(q, &applied[i]);
    }
    free(applied);
    sweep_free(q, s);
}

static void attention_add(struct queue *q, const struct due *d) {
    struct attention *a = calloc(1, sizeof *a);
    struct channel *c = channel_get(q, d->i.channel);
    IEMS_ASSERT(a != NULL);
    a->id = d->id;
    a->priority = d->i.priority;
    a->dest = str_dup(d->i.dest);
    a->queued = true;
    IEMS_ASSERT(map_put(q->attention, map_u64_key(&a->id), a, NULL) == 0);
    list_push_back(&c->attention, &a->link);
    push_wake(c);
}

void attention_free(void *p) {
    struct attention *a = p;
    free(a->dest);
    free(a);
}

void attention_done(struct queue *q, uint64_t id) {
    struct attention *a = map_remove(q->attention, map_u64_key(&id));
    if (a == NULL) return;
    list_remove(&a->link);
    attention_free(a);
}

void attention_again(struct queue *q, struct channel *c, uint64_t id) {
    struct attention *a = map_get(q->attention, map_u64_key(&id));
    if (a == NULL) {
        clock_due_at(q, DUE_ATTENTION, clock_wall_ms(), id); /* the next sweep finds it */
    } else if (!a->queued) {
        a->queued = true;
        list_push_back(&c->attention, &a->link);
        push_wake(c);
    }
}

/* The rest is looked at when some of these are settled. */
static void attend(struct queue *q) {
    size_t under_way = map_count(q->attention), max = ATTENTION_MAX;
    if (under_way >= max) {
        q->due_pause[DUE_ATTENTION] = clock_wall_ms() + RETRY_MS;
        return;
    }
    struct sweep *s = sweep(q, DUE_ATTENTION, max - under_way);
    for (size_t i = 0; i < s->count && s->rc == 0 && !q->stopping; i++) {
        const struct due *d = &s->list[i];
        if (!d->found || was_moved(q, d) || map_get(q->attention, map_u64_key(&d->id)) != NULL) continue;
        if (queue_is_free(q, d->id))
            attention_add(q, d);
        else
            sweep_again(q, s, d);
    }
    sweep_free(q, s);
}

static void run_due(struct queue *q, enum due_kind kind, int64_t now) {
    struct due_times *t = &q->due[kind];
    if (q->due_pause[kind] > now) return;
    if (t->count > 0 && t->heap[0].at <= now) {
        if (kind == DUE_READY)
            promote(q);
        else
            attend(q);
    } else if (due_times_horizon_reached(t, now) && load(q, kind) != 0) {
        q->due_pause[kind] = now + RETRY_MS;
    }
}

static void end_waits(struct queue *q) {
    int64_t now = clock_wall_ms();
    for (struct dest *d; (d = dest_next_wait(q)) != NULL && d->until <= now;) {
        struct batch b;
        batch_init(&b);
        struct key k;
        key_start(&k, KEY_DESTINATION);
        key_text(&k, str_from(d->channel->name));
        key_bytes(&k, str_from(d->name));
        batch_delete(&b, SPACE_META, key_str(&k));
        commit_submit(q->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
        uint32_t attempts = d->attempts;
        dest_wait(d, 0, STR_EMPTY, attempts);
    }
}

static int64_t next_event(struct queue *q) {
    struct dest *d = dest_next_wait(q);
    int64_t at = d != NULL ? d->until : INT64_MAX;
    for (int kind = 0; kind < DUE_KINDS; kind++) {
        int64_t due = due_times_next(&q->due[kind]);
        if (due < q->due_pause[kind]) due = q->due_pause[kind];
        if (due < at) at = due;
    }
    return at;
}

static void clock_fiber(void *arg) {
    struct queue *q = arg;
    while (!q->clock_stops) {
        int64_t now = clock_wall_ms();
        end_waits(q);
        for (int kind = 0; kind < DUE_KINDS; kind++) run_due(q, (enum due_kind)kind, now);
        if (q->clock_stops) break;
        int64_t at = next_event(q), wait = at - clock_wall_ms();
        if (wait <= 0) {
            if (fiber_sleep(1) != 0) break;
            continue;
        }
        uint64_t deadline = at == INT64_MAX ? DEADLINE_NEVER
                                            : loop_now_ms() + (uint64_t)(wait < SLEEP_MAX_MS ? wait : SLEEP_MAX_MS) + 1;
        if (cond_wait(&q->clock_work, deadline) == ERR_CANCELLED) break;
    }
    q->clock = NULL;
}

int clock_start(struct queue *q) {
    return fiber_spawn("queue clock", clock_fiber, q, &q->clock);
}

void clock_wake(struct queue *q) {
    if (q->clock != NULL) cond_signal(&q->clock_work);
}

void clock_stop(struct queue *q) {
    q->clock_stops = true;
    clock_wake(q);
}

void clock_moved(struct queue *q, uint64_t id) {
    if (q->sweeping) IEMS_ASSERT(map_put(q->moved, map_u64_key(&id), q, NULL) == 0);
}

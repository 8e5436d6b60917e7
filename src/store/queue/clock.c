/* What happens by itself: DEFERRED entries become READY, entries whose warn or expires time came are offered for
 * attention, destinations end their wait. One fiber that sleeps until the next of these. */
#include "base/clock.h"
#include "net/loop.h"
#include "store/queue/private.h"

#include <stdlib.h>

enum { SWEEP_MAX = 1000, RETRY_MS = 1000, SLEEP_MAX_MS = 3600 * 1000, TIME_KEY_LEN = 17 };

struct due {
    int64_t at, ready;
    uint64_t id, size;
    int32_t priority;
    char channel[CHANNEL_NAME_MAX + 1];
    char *dest;
    char *value; /* DEFERRED: as it stands in the engine */
    size_t value_len;
};

struct sweep {
    int64_t now, next; /* next: time of the first that is not due yet */
    struct due *list;
    size_t count;
    bool full;
};

static bool due_deferred(struct due *d, struct str value, struct str *channel, struct str *dest) {
    struct entry_head h;
    if (!entry_head(value, &h)) return false;
    d->size = h.size;
    d->priority = h.priority;
    *channel = h.channel;
    *dest = h.dest;
    d->value = str_dup(value);
    d->value_len = value.len;
    return true;
}

static bool due_attention(struct due *d, struct str value, struct str *channel, struct str *dest) {
    struct wire w = wire_of(value);
    d->ready = (int64_t)wire_get_u64(&w);
    d->priority = (int32_t)wire_get_u32(&w);
    *channel = wire_get_bytes(&w);
    *dest = wire_get_bytes(&w);
    return !w.bad && dest->len <= QUEUE_TEXT_MAX;
}

static bool sweep_one(struct sweep *s, enum key_kind kind, struct str key, struct str value) {
    if (key.len != TIME_KEY_LEN) return true;
    int64_t at = (int64_t)key_get_u64(key, 1);
    if (at > s->now) {
        s->next = at;
        return false;
    }
    if (s->count == SWEEP_MAX) {
        s->full = true;
        return false;
    }
    struct due d = {.at = at, .id = key_get_u64(key, 9)};
    struct str channel, dest;
    /* A damaged record is left to the check. */
    if (kind == KEY_DEFERRED ? !due_deferred(&d, value, &channel, &dest) : !due_attention(&d, value, &channel, &dest))
        return true;
    if (channel.len == 0 || str_to_cstr(channel, d.channel, sizeof d.channel) != 0) {
        free(d.value);
        return true;
    }
    d.dest = str_dup(dest);
    s->list[s->count++] = d;
    return true;
}

static bool sweep_deferred_one(void *arg, struct str key, struct str value) {
    return sweep_one(arg, KEY_DEFERRED, key, value);
}

static bool sweep_attention_one(void *arg, struct str key, struct str value) {
    return sweep_one(arg, KEY_ATTENTION, key, value);
}

static int sweep(struct queue *q, enum key_kind kind, struct sweep *s) {
    unsigned char from = (unsigned char)kind, to = (unsigned char)(kind + 1);
    *s = (struct sweep){.now = clock_wall_ms(), .next = INT64_MAX};
    s->list = calloc(SWEEP_MAX, sizeof *s->list);
    IEMS_ASSERT(s->list != NULL);
    int rc = store_wait_applied(q->st, commit_last(q->st->commits));
    struct engine_range r = {.space = SPACE_META, .from = str_of(&from, 1), .to = str_of(&to, 1)};
    map_free(q->moved, NULL);
    q->moved = map_new(MAP_BYTES);
    q->sweeping = true;
    return rc != 0 ? rc : store_scan(q->st, &r, kind == KEY_DEFERRED ? sweep_deferred_one : sweep_attention_one, s);
}

static void sweep_done(struct queue *q, struct sweep *s) {
    q->sweeping = false;
    for (size_t i = 0; i < s->count; i++) {
        free(s->list[i].dest);
        free(s->list[i].value);
    }
    free(s->list);
}

static void promote_one(struct queue *q, struct batch *b, const struct due *d) {
    struct key from, to;
    deferred_key(&from, d->at, d->id);
    ready_key(&to, str_from(d->channel), str_from(d->dest), d->priority, d->id);
    batch_delete(b, SPACE_META, key_str(&from));
    batch_put(b, SPACE_META, key_str(&to), str_of(d->value, d->value_len));
    struct dest *dest = dest_get(channel_get(q, str_from(d->channel)), str_from(d->dest));
    count_state(dest, ENTRY_DEFERRED, d->size, -1);
    count_state(dest, ENTRY_READY, d->size, 1);
    dest->pins++;
    busy_add(q, d->id);
}

/* A sweep is taken in slices. What a commit moved since the scan is leased or busy, or was: `moved` tells. */
static void promote(struct queue *q) {
    struct sweep s;
    int rc = sweep(q, KEY_DEFERRED, &s);
    if (rc != 0 || q->stopping) {
        q->next_deferred = s.now + RETRY_MS;
        sweep_done(q, &s);
        return;
    }
    q->next_deferred = s.full ? s.now : s.next;
    struct batch b;
    batch_init(&b);
    bool *taken = calloc(s.count + 1, sizeof *taken);
    IEMS_ASSERT(taken != NULL);
    for (size_t i = 0; i < s.count; i++) {
        uint64_t id = s.list[i].id;
        taken[i] = queue_is_free(q, id) && map_get(q->moved, map_u64_key(&id)) == NULL;
        if (taken[i]) promote_one(q, &b, &s.list[i]);
    }
    if (!batch_empty(&b)) rc = store_commit(q->st, &b, COMMIT_RELAXED, NULL);
    batch_done(&b);
    for (size_t i = 0; i < s.count; i++) {
        if (!taken[i]) continue;
        struct dest *d = dest_find(channel_find(q, str_from(s.list[i].channel)), str_from(s.list[i].dest));
        busy_remove(q, s.list[i].id);
        if (rc == 0) dest_add_ready(d, s.list[i].priority, s.list[i].id);
        d->pins--;
        dest_settle(d);
    }
    free(taken);
    sweep_done(q, &s);
}

static void attention_add(struct queue *q, const struct due *d) {
    struct attention *a = calloc(1, sizeof *a);
    struct channel *c = channel_get(q, str_from(d->channel));
    IEMS_ASSERT(a != NULL);
    a->id = d->id;
    a->ready = d->ready;
    a->priority = d->priority;
    a->dest = str_dup(str_from(d->dest));
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
        clock_attention(q, clock_wall_ms()); /* the next sweep finds it */
    } else if (!a->queued) {
        a->queued = true;
        list_push_back(&c->attention, &a->link);
        push_wake(c);
    }
}

static void attend(struct queue *q) {
    struct sweep s;
    int rc = sweep(q, KEY_ATTENTION, &s);
    if (rc == 0 && !q->stopping) {
        /* With a full slice the rest is looked at when some of these are settled. */
        q->next_attention = s.full ? s.now + RETRY_MS : s.next;
        for (size_t i = 0; i < s.count; i++) {
            uint64_t id = s.list[i].id;
            if (queue_is_free(q, id) && map_get(q->attention, map_u64_key(&id)) == NULL &&
                map_get(q->moved, map_u64_key(&id)) == NULL)
                attention_add(q, &s.list[i]);
        }
    } else {
        q->next_attention = s.now + RETRY_MS;
    }
    sweep_done(q, &s);
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
    int64_t at = q->next_deferred < q->next_attention ? q->next_deferred : q->next_attention;
    struct dest *d = dest_next_wait(q);
    return d != NULL && d->until < at ? d->until : at;
}

static void clock_fiber(void *arg) {
    struct queue *q = arg;
    while (!q->clock_stops) {
        int64_t now = clock_wall_ms();
        end_waits(q);
        if (q->next_deferred <= now) promote(q);
        if (q->next_attention <= now) attend(q);
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

void clock_deferred(struct queue *q, int64_t at) {
    if (at >= q->next_deferred) return;
    q->next_deferred = at;
    clock_wake(q);
}

void clock_attention(struct queue *q, int64_t at) {
    if (at >= q->next_attention) return;
    q->next_attention = at;
    clock_wake(q);
}

/* Channels and their destinations: counts, the window of what comes next, and the heap of those that wait. */
#include "base/clock.h"
#include "store/queue/private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

bool dest_name_matches(struct str name, struct str want) {
    if (want.len == 0) return true;
    if (want.ptr[0] != '@') return str_eq_nocase(name, want);
    struct str domain = str_sub(want, 1, want.len);
    if (str_eq_nocase(name, domain)) return true;
    return name.len > domain.len && name.ptr[name.len - domain.len - 1] == '.' &&
           str_eq_nocase(str_sub(name, name.len - domain.len, name.len), domain);
}

struct channel *channel_find(struct queue *q, struct str name) {
    return map_get(q->channels, name);
}

struct channel *channel_get(struct queue *q, struct str name) {
    struct channel *c = map_get(q->channels, name);
    if (c != NULL) return c;
    c = calloc(1, sizeof *c);
    IEMS_ASSERT(c != NULL && name.len <= CHANNEL_NAME_MAX);
    c->q = q;
    memcpy(c->name, name.ptr, name.len);
    c->dests = map_new(MAP_BYTES);
    list_init(&c->offers);
    list_init(&c->tells);
    list_init(&c->listens);
    list_init(&c->attention);
    list_init(&c->parked);
    cond_init(&c->work);
    IEMS_ASSERT(map_put(q->channels, name, c, NULL) == 0);
    return c;
}

struct dest *dest_find(struct channel *c, struct str name) {
    return map_get(c->dests, name);
}

struct dest *dest_get(struct channel *c, struct str name) {
    struct dest *d = map_get(c->dests, name);
    if (d != NULL) return d;
    d = calloc(1, sizeof *d);
    IEMS_ASSERT(d != NULL);
    d->channel = c;
    d->name = str_dup(name);
    list_init(&d->offer);
    list_init(&d->tell);
    IEMS_ASSERT(map_put(c->dests, name, d, NULL) == 0);
    return d;
}

void dest_free(void *p) {
    struct dest *d = p;
    list_remove(&d->offer);
    list_remove(&d->tell);
    free(d->window);
    free(d->reason);
    free(d->name);
    free(d);
}

/* --- window */
static int ref_cmp(const struct ready_ref *a, const struct ready_ref *b) {
    if (a->priority != b->priority) return a->priority < b->priority ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static void window_free(struct dest *d) {
    free(d->window);
    d->window = NULL;
    d->window_from = d->window_count = d->window_cap = 0;
}

static struct ready_ref *window(struct dest *d) {
    return d->window + d->window_from;
}

static size_t window_find(struct dest *d, const struct ready_ref *r) {
    size_t lo = 0, hi = d->window_count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (ref_cmp(&window(d)[mid], r) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Room for one more. Windows grow as they are needed: there may be many destinations with little in them. */
static void window_room(struct dest *d) {
    if (d->window_from + d->window_count < d->window_cap) return;
    if (d->window_from > 0) {
        memmove(d->window, window(d), d->window_count * sizeof *d->window);
        d->window_from = 0;
        return;
    }
    size_t cap = d->window_cap == 0 ? 4 : d->window_cap * 2;
    d->window_cap = cap > WINDOW_MAX ? WINDOW_MAX + 1 : cap;
    d->window = realloc(d->window, d->window_cap * sizeof *d->window);
    IEMS_ASSERT(d->window != NULL && d->window_cap > d->window_count);
}

/* It stands in the engine only. */
static void window_miss(struct dest *d, const struct ready_ref *r) {
    bool *more = d->refilling ? &d->missed : &d->more;
    struct ready_ref *floor = d->refilling ? &d->missed_ref : &d->floor;
    if (!*more || ref_cmp(r, floor) < 0) *floor = *r;
    *more = true;
}

static void window_insert(struct dest *d, struct ready_ref r) {
    size_t at = window_find(d, &r);
    if (at < d->window_count && ref_cmp(&window(d)[at], &r) == 0) return;
    if (at == d->window_count && (d->more || d->window_count == WINDOW_MAX)) {
        window_miss(d, &r);
        return;
    }
    window_room(d);
    memmove(window(d) + at + 1, window(d) + at, (d->window_count - at) * sizeof *d->window);
    window(d)[at] = r;
    if (++d->window_count <= WINDOW_MAX) return;
    window_miss(d, &window(d)[--d->window_count]);
}

void dest_add_ready(struct dest *d, int32_t priority, uint64_t id) {
    window_insert(d, (struct ready_ref){priority, id});
}

void dest_scan_from_start(struct dest *d) {
    window_miss(d, &(struct ready_ref){INT32_MIN, 0});
}

/* A destination that rests needs no window. */
static void window_drop(struct dest *d) {
    if (d->window_count > 0) window_miss(d, window(d));
    window_free(d);
}

bool dest_take(struct dest *d, struct ready_ref *out) {
    if (d->window_count == 0) return false;
    *out = window(d)[0];
    d->window_from++;
    if (--d->window_count == 0) {
        if (d->more)
            d->window_from = 0;
        else
            window_free(d); /* most destinations are idle most of the time */
    }
    return true;
}

bool dest_can_offer(const struct dest *d, int64_t now) {
    return d->ready > 0 && (d->window_count > 0 || d->more) && d->until <= now;
}

void dest_settle(struct dest *d) {
    struct channel *c = d->channel;
    if (dest_can_offer(d, clock_wall_ms())) {
        if (list_empty(&d->offer)) list_push_back(&c->offers, &d->offer);
        if (!d->told && list_empty(&d->tell)) list_push_back(&c->tells, &d->tell);
        push_wake(c);
        return;
    }
    list_remove(&d->offer);
    list_remove(&d->tell);
    if (d->ready + d->deferred + d->leased > 0) return;
    window_free(d);
    d->oldest = 0;
    d->more = d->told = false;
    if (d->pins > 0 || d->until != 0 || d->refilling || d->name[0] == 0) return;
    map_remove(c->dests, str_from(d->name));
    dest_free(d);
}

void count_state(struct dest *d, enum entry_state state, uint64_t bytes, int by) {
    struct channel *c = d->channel;
    uint64_t n = (uint64_t)(int64_t)by;
    c->bytes += by > 0 ? bytes : -bytes;
    if (state == ENTRY_HELD) {
        c->held += n;
    } else if (state == ENTRY_READY) {
        c->ready += n;
        d->ready += n;
    } else {
        c->deferred += n;
        d->deferred += n;
    }
}

/* --- heap of waiting destinations */
static void heap_set(struct queue *q, size_t i, struct dest *d) {
    q->waits[i] = d;
    d->heap_index = i;
}

static void heap_up(struct queue *q, size_t i) {
    struct dest *d = q->waits[i];
    for (; i > 0 && q->waits[(i - 1) / 2]->until > d->until; i = (i - 1) / 2) heap_set(q, i, q->waits[(i - 1) / 2]);
    heap_set(q, i, d);
}

static void heap_down(struct queue *q, size_t i) {
    struct dest *d = q->waits[i];
    for (size_t child; (child = 2 * i + 1) < q->wait_count; i = child) {
        if (child + 1 < q->wait_count && q->waits[child + 1]->until < q->waits[child]->until) child++;
        if (q->waits[child]->until >= d->until) break;
        heap_set(q, i, q->waits[child]);
    }
    heap_set(q, i, d);
}

static void heap_add(struct queue *q, struct dest *d) {
    if (q->wait_count == q->wait_cap) {
        q->wait_cap = q->wait_cap * 2 + 16;
        q->waits = realloc(q->waits, q->wait_cap * sizeof(struct dest *));
        IEMS_ASSERT(q->waits != NULL);
    }
    heap_set(q, q->wait_count++, d);
    heap_up(q, q->wait_count - 1);
}

static void heap_remove(struct queue *q, struct dest *d) {
    size_t i = d->heap_index;
    struct dest *last = q->waits[--q->wait_count];
    if (last == d) return;
    heap_set(q, i, last);
    heap_up(q, i);
    heap_down(q, last->heap_index);
}

struct dest *dest_next_wait(struct queue *q) {
    return q->wait_count > 0 ? q->waits[0] : NULL;
}

void dest_wait(struct dest *d, int64_t until, struct str reason, uint32_t attempts) {
    struct queue *q = d->channel->q;
    if (d->until != 0) heap_remove(q, d);
    d->until = until;
    if (until != 0) heap_add(q, d);
    if (until > clock_wall_ms()) window_drop(d);
    free(d->reason);
    d->reason = reason.len > 0 ? str_dup(str_sub(reason, 0, QUEUE_TEXT_MAX)) : NULL;
    d->attempts = attempts;
    d->told = false;
    clock_wake(q);
    dest_settle(d);
}

struct refill {
    struct ready_ref *refs;
    size_t count, max;
    bool full;
};

static bool refill_one(void *arg, struct str key, struct str value) {
    struct refill *r = arg;
    (void)value;
    if (r->count == r->max) {
        r->full = true;
        return false;
    }
    struct place_parts p;
    if (place_key_parse(key, &p)) r->refs[r->count++] = (struct ready_ref){p.priority, p.id};
    return true;
}

static void refilled(struct dest *d, const struct refill *r) {
    struct queue *q = d->channel->q;
    d->more = false;
    for (size_t i = 0; i < r->count; i++)
        if (queue_is_free(q, r->refs[i].id)) window_insert(d, r->refs[i]);
    if (r->full) window_miss(d, &r->refs[r->count - 1]);
}

/* Reads on where the last refill ended: what was delivered since leaves its marks in the engine, which a scan from the
 * start would pass again and again. */
int dest_refill(struct dest *d) {
    struct queue *q = d->channel->q;
    struct refill r = {.max = WINDOW_MAX + map_count(q->leases) + map_count(q->busy)};
    r.refs = malloc(r.max * sizeof *r.refs);
    IEMS_ASSERT(r.refs != NULL);
    struct key from, to;
    place_key(&from, ENTRY_READY, str_from(d->channel->name), str_from(d->name), d->floor.priority, d->floor.id);
    to = from;
    to.len -= 12;
    key_end_of_prefix(&to);
    d->refilling = true;
    d->missed = false;
    d->pins++;
    int rc = store_wait_applied(q->st, commit_last(q->st->commits));
    struct engine_range range = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to)};
    if (rc == 0) rc = store_scan(q->st, &range, refill_one, &r);
    d->pins--;
    d->refilling = false;
    if (rc == 0) refilled(d, &r);
    if (d->missed) window_miss(d, &d->missed_ref);
    free(r.refs);
    return rc;
}

/* What an administrator wants of a leased entry is done when the lease ends. It was acknowledged: it has a record (but
 * to try again, which promises nothing), and what a lease did not end before the store did is done at the start. */
#include "store/queue/private.h"

#include <stdlib.h>

enum { ORDER_RETRY_MS = 1000 };

#define BIT(verb) (1U << STORE__QUEUE_VERB__VERB_##verb)
enum {
    VERBS = 1 + STORE__QUEUE_VERB__VERB_RESET,
    ANY_BUT_RELEASE = BIT(HOLD) | BIT(RETRY) | BIT(DELETE) | BIT(BOUNCE) | BIT(RESET),
};

/* Which verbs count after which: what is final stays so. */
static const unsigned followed_by[VERBS] = {
    [STORE__QUEUE_VERB__VERB_NONE] = ANY_BUT_RELEASE,
    [STORE__QUEUE_VERB__VERB_RETRY] = ANY_BUT_RELEASE,
    [STORE__QUEUE_VERB__VERB_RESET] = BIT(HOLD) | BIT(DELETE) | BIT(BOUNCE) | BIT(RESET),
    [STORE__QUEUE_VERB__VERB_HOLD] = BIT(HOLD) | BIT(RELEASE) | BIT(DELETE) | BIT(BOUNCE),
    [STORE__QUEUE_VERB__VERB_BOUNCE] = BIT(BOUNCE) | BIT(DELETE),
    [STORE__QUEUE_VERB__VERB_DELETE] = BIT(DELETE),
};

static struct order *find(struct queue *q, uint64_t id) {
    return map_get(q->orders, map_u64_key(&id));
}

bool order_pending(struct queue *q, uint64_t id) {
    return find(q, id) != NULL;
}

void order_free(void *p) {
    struct order *o = p;
    if (o == NULL) return;
    free(o->by);
    free(o->reason);
    free(o);
}

static void order_put(struct queue *q, uint64_t id, Store__QueueVerb verb, struct str by, struct str reason) {
    struct order *o = calloc(1, sizeof *o);
    void *old = NULL;
    IEMS_ASSERT(o != NULL);
    *o = (struct order){id, verb, str_dup(by), str_dup(reason)};
    IEMS_ASSERT(map_put(q->orders, map_u64_key(&id), o, &old) == 0);
    order_free(old);
}

static bool has_record(Store__QueueVerb verb) {
    return verb != STORE__QUEUE_VERB__VERB_RETRY;
}

bool order_give(struct queue *q, uint64_t id, const Store__QueueAction *r) {
    const struct order *old = find(q, id);
    struct key k = key_of_id(KEY_ORDER, id);
    struct batch b;
    if ((followed_by[old == NULL ? STORE__QUEUE_VERB__VERB_NONE : old->verb] & 1U << r->verb) == 0) return false;
    batch_init(&b);
    if (r->verb == STORE__QUEUE_VERB__VERB_RELEASE) {
        order_forget(q, &b, id);
    } else {
        struct str by = str_sub(str_from(r->by), 0, QUEUE_TEXT_MAX);
        BUF_AUTO v = BUF_INIT(INDEX_VALUE_MAX);
        order_put(q, id, r->verb, by, str_from(r->reason));
        wire_u8(&v, (uint8_t)r->verb);
        wire_bytes(&v, by);
        wire_bytes(&v, str_from(r->reason));
        IEMS_ASSERT(v.error == 0);
        if (has_record(r->verb)) batch_put(&b, SPACE_META, key_str(&k), buf_str(&v));
    }
    if (!batch_empty(&b)) commit_submit(q->st->commits, &b, COMMIT_DURABLE, NULL, NULL);
    batch_done(&b);
    return true;
}

void order_forget(struct queue *q, struct batch *b, uint64_t id) {
    struct order *o = map_remove(q->orders, map_u64_key(&id));
    if (o == NULL) return;
    struct key k = key_of_id(KEY_ORDER, id);
    if (has_record(o->verb)) batch_delete(b, SPACE_META, key_str(&k));
    order_free(o);
}

/* There is nothing to be done any more, or nothing was: the entry may be leased again. */
static void order_over(struct queue *q, uint64_t id) {
    struct place place;
    struct batch b;
    batch_init(&b);
    order_forget(q, &b, id);
    if (!batch_empty(&b)) commit_submit(q->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
    batch_done(&b);
    if (entry_find(q, id, &place) == 0 && place.state == ENTRY_READY) entry_offer(q, key_str(&place.key));
}

/* As long as it does not work the entry goes nowhere. */
static void order_carry_out(struct queue *q, uint64_t id) {
    const struct order *o;
    while ((o = find(q, id)) != NULL) {
        /* Another one may take its place meanwhile. */
        struct order now = {id, o->verb, str_dup(str_from(o->by)), str_dup(str_from(o->reason))};
        int rc = order_act(q, &now);
        free(now.by);
        free(now.reason);
        o = find(q, id);
        if (rc == 0 && (o == NULL || o->verb == now.verb)) break;
        if (q->stopping || (rc != 0 && fiber_sleep(ORDER_RETRY_MS) != 0)) return;
    }
    order_over(q, id);
}

struct order_work {
    struct queue *q;
    uint64_t id;
};

/* What ended the lease is written first. */
static void order_fiber(void *arg) {
    struct order_work *w = arg;
    struct queue *q = w->q;
    int rc = store_wait_durable(q->st, commit_last(q->st->commits));
    if (rc == 0 && !q->stopping) order_carry_out(q, w->id);
    q->background--;
    free(w);
}

void order_run(struct queue *q, uint64_t id) {
    if (!order_pending(q, id)) return;
    struct order_work *w = calloc(1, sizeof *w);
    IEMS_ASSERT(w != NULL);
    *w = (struct order_work){q, id};
    q->background++;
    if (fiber_spawn("queue order", order_fiber, w, NULL) == 0) return;
    q->background--;
    free(w);
}

/* --- start */
static bool start_order(void *arg, struct str key, struct str value) {
    struct queue *q = arg;
    struct wire w = wire_of(value);
    Store__QueueVerb verb = (Store__QueueVerb)wire_get_u8(&w);
    struct str by = wire_get_bytes(&w), reason = wire_get_bytes(&w);
    if (key.len == 9 && !w.bad && (unsigned)verb < VERBS && reason.len <= QUEUE_TEXT_MAX)
        order_put(q, key_get_u64(key, 1), verb, by, reason);
    return true;
}

static void orders_fiber(void *arg) {
    struct queue *q = arg;
    struct str key;
    void *p;
    size_t n = 0, count = map_count(q->orders);
    uint64_t *ids = calloc(count + 1, sizeof *ids);
    IEMS_ASSERT(ids != NULL);
    for (size_t pos = 0; n < count && map_next(q->orders, &pos, &key, &p);) ids[n++] = ((struct order *)p)->id;
    for (size_t i = 0; i < n && !q->stopping; i++) order_carry_out(q, ids[i]);
    free(ids);
    q->background--;
}

int orders_start(struct queue *q) {
    unsigned char from = KEY_ORDER, to = KEY_ORDER + 1;
    struct engine_range r = {.space = SPACE_META, .once = true, .from = str_of(&from, 1), .to = str_of(&to, 1)};
    int rc = store_scan(q->st, &r, start_order, q);
    if (rc != 0 || map_count(q->orders) == 0) return rc;
    q->background++;
    rc = fiber_spawn("queue orders", orders_fiber, q, NULL);
    if (rc != 0) q->background--;
    return rc;
}

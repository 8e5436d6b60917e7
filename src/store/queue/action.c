/* What an administrator does to queued messages (SQST-02, SQST-10, SQST-12). What is leased is acted on when the lease
 * ends (order.c). */
#include "base/clock.h"
#include "store/queue/select.h"

#include <stdlib.h>

enum { BUSY_TRIES = 500, BUSY_PAUSE_MS = 2 };
enum { ACTION_SLICE = 200, CHOICE_SLICE = 20000, LIST_MEMORY = 64 * 1024 * 1024 };

static void to_input(Store__Entry *e, const char *reason) {
    quarantine_forget(e);
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
        if (state != ENTRY_HELD || !quarantine_release(e)) return false;
        e->held = false;
        return true;
    case STORE__QUEUE_VERB__VERB_RETRY:
        if (state != ENTRY_DEFERRED) return false;
        e->ready = 0;
        return true;
    case STORE__QUEUE_VERB__VERB_RESET:
        if (state == ENTRY_HELD) return false;
        e->ready = 0;
        e->attempts = 0;
        e->reason = (char *)(uintptr_t) "";
        for (size_t i = 0; i < e->n_recipients; i++) e->recipients[i]->attempts = 0;
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
    bool late;    /* carries out an order */
    bool ordered; /* since the last flush */
};

static char *act_line(struct act *a) {
    static const char *const names[] = {"", "held", "released", "retried", "deleted", "bounced", "reset"};
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
    suspect_forget(q, e->id);
    order_forget(q, &a->b, e->id);
    char *line = act_line(a);
    struct buf none = BUF_INIT(1);
    if (line != NULL) trace_put(q, &a->b, str_from(e->trace), &none, &line, 1);
    struct applied *out = &a->applied[a->count++];
    *out = (struct applied){.id = e->id, .dest = from, .priority = e->priority};
    busy_add(q, e->id);
    if (a->r->verb == STORE__QUEUE_VERB__VERB_DELETE) {
        if (blob != NULL) blob_add_refs(q->bs, &a->b, blob, -1);
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

/* A retry also ends the wait of its destination; a reset forgets what went before. */
static void end_wait(struct queue *q, const Store__Entry *e, bool forget) {
    struct channel *c = channel_find(q, entry_channel(e));
    struct dest *d = c == NULL ? NULL : dest_find(c, entry_dest(e));
    if (d == NULL) return;
    if (d->until != 0)
        dest_wait(d, DEST_WAIT_OVER, STR_EMPTY, forget ? 0 : d->attempts);
    else if (forget)
        d->attempts = 0;
}

static int act_one(struct act *a, uint64_t id, struct str key, bool *acted) {
    struct queue *q = a->q;
    Store__Entry *e;
    struct blob *blob = NULL;
    bool leased = map_get(q->leases, map_u64_key(&id)) != NULL;
    *acted = false;
    if (!a->late && (leased || order_pending(q, id))) {
        *acted = order_give(q, id, a->r);
        a->ordered = true;
        return 0;
    }
    if (leased || map_get(q->busy, map_u64_key(&id)) != NULL) return ERR_AGAIN;
    busy_add(q, id);
    enum entry_state state = entry_key_state(key);
    int rc = entry_get(q, key, a->arena, &e);
    Store__Entry probe = rc == 0 ? *e : (Store__Entry)STORE__ENTRY__INIT;
    if (rc == 0 && a->r->verb == STORE__QUEUE_VERB__VERB_DELETE && e->blob != 0) rc = blob_pin(q->bs, e->blob, &blob);
    busy_remove(q, id);
    bool retry = a->r->verb == STORE__QUEUE_VERB__VERB_RETRY, reset = a->r->verb == STORE__QUEUE_VERB__VERB_RESET;
    if (rc == 0 && (retry || reset)) {
        end_wait(q, e, reset);
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
    /* To try again promises nothing to anybody. */
    bool retry = a->r->verb == STORE__QUEUE_VERB__VERB_RETRY;
    int rc = batch_empty(&a->b) ? 0 : store_commit(a->q->st, &a->b, retry ? COMMIT_RELAXED : COMMIT_DURABLE, NULL);
    if (rc == 0 && a->ordered && !retry) rc = store_wait_durable(a->q->st, commit_last(a->q->st->commits));
    a->ordered = false;
    for (size_t i = 0; i < a->count; i++) {
        busy_remove(a->q, a->applied[i].id);
        entry_applied(a->q, &a->applied[i]);
    }
    a->count = 0;
    arena_reset(a->arena);
    return rc;
}

/* A commit moves it just now, or it is being leased: once more behind that. */
static int act_again(struct act *a, uint64_t id, bool *acted) {
    struct place place;
    int rc = act_flush(a);
    if (rc == 0) rc = store_wait_durable(a->q->st, commit_last(a->q->st->commits));
    for (int tries = 0; rc == 0; tries++) {
        rc = entry_find(a->q, id, &place);
        if (rc == 0) rc = act_one(a, id, key_str(&place.key), acted);
        if (rc != ERR_AGAIN || tries == BUSY_TRIES) break;
        rc = fiber_sleep(BUSY_PAUSE_MS);
    }
    return rc == ERR_NOTFOUND || (rc == ERR_AGAIN && !a->late) ? 0 : rc;
}

static int act_chosen(struct act *a, struct selection *s, uint64_t *count) {
    int rc = 0;
    for (size_t i = 0; i < s->count && rc == 0; i++) {
        if (a->q->stopping) return ERR_CANCELLED;
        bool acted = false;
        const struct chosen *c = s->list[i];
        rc = act_one(a, c->at.id, chosen_key(c), &acted);
        if (rc == ERR_AGAIN) rc = act_again(a, c->at.id, &acted);
        if (rc == ERR_CORRUPT) {
            damaged_add(&s->damaged, chosen_key(c));
            rc = 0;
        }
        *count += acted;
        if (rc == 0 && (a->count == ACTION_SLICE || arena_used(a->arena) > LIST_MEMORY / 2)) rc = act_flush(a);
    }
    int flushed = act_flush(a);
    quarantine_damaged(a->q, s->damaged);
    return rc != 0 ? rc : flushed;
}

/* In the order of ids, slice by slice: what comes in meanwhile is behind the last. */
static int act_all(struct act *a, uint64_t *count) {
    uint64_t last = store_last_id(a->q->st), after = 0;
    for (bool more = true; more;) {
        struct selection s = {.filter = a->r->filter, .sort = STORE__QUEUE_SORT__SORT_ID, .max = CHOICE_SLICE};
        s.after.id = after;
        int rc = selection_run(a->q, &s);
        more = rc == 0 && s.behind > s.count && s.count > 0;
        if (rc == 0 && s.count > 0) after = s.list[s.count - 1]->at.id;
        if (rc == 0) rc = act_chosen(a, &s, count);
        selection_done(&s);
        if (rc != 0) return rc;
        if (after >= last) break;
    }
    return 0;
}

static int act_run(struct queue *q, const Store__QueueAction *r, bool late, uint64_t *count) {
    struct act *a = calloc(1, sizeof *a);
    IEMS_ASSERT(a != NULL);
    a->q = q;
    a->r = r;
    a->late = late;
    a->arena = arena_new(LIST_MEMORY);
    batch_init(&a->b);
    int rc = act_all(a, count);
    batch_done(&a->b);
    arena_free(a->arena);
    free(a);
    return rc;
}

int queue_action(struct queue *q, const Store__QueueAction *r, uint64_t *count, struct error *err) {
    uint64_t n = 0;
    if (r->verb <= STORE__QUEUE_VERB__VERB_NONE || r->verb > STORE__QUEUE_VERB__VERB_RESET)
        return error_set(err, ERR_INVALID, "unknown action on the queue");
    if (str_from(r->reason).len > QUEUE_TEXT_MAX)
        return error_set(err, ERR_LIMIT, "the reason may have at most %d bytes", QUEUE_TEXT_MAX);
    int rc = act_run(q, r, false, &n);
    if (rc != 0) return error_set(err, rc, "the action failed: %s", err_name(rc));
    *count = n;
    return 0;
}

int order_act(struct queue *q, const struct order *o) {
    Store__QueueFilter filter = STORE__QUEUE_FILTER__INIT;
    Store__QueueAction action = STORE__QUEUE_ACTION__INIT;
    uint64_t count = 0, id = o->id;
    filter.n_ids = 1;
    filter.ids = &id;
    action.filter = &filter;
    action.verb = o->verb;
    action.by = o->by;
    action.reason = o->reason;
    return act_run(q, &action, true, &count);
}

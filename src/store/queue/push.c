/* Push: one fiber per channel gives READY entries to listeners with credit, and tells those that take by destination.
 */
#include "base/clock.h"
#include "net/loop.h"
#include "store/queue/private.h"

#include <stdlib.h>
#include <string.h>

enum { ATTENTION_LEASES_MAX = 16, ATTENTION_RETRY_MS = 1000, TELL_AGAIN_MS = 100 };

/* The next listener in turn that can take an entry; NULL = none now. Nobody tells when one that is clogged is so no
 * more: *left, somebody has to look again. */
static struct listen *free_listener(struct channel *c, bool attention, bool *left) {
    list_foreach(it, &c->listens) {
        struct listen *l = list_entry(it, struct listen, of_channel);
        bool can = attention && l->by_destination ? l->client->attention < ATTENTION_LEASES_MAX
                                                  : !l->by_destination && l->used < l->credit;
        if (!can) continue;
        if (l->client->clogged(l->client)) {
            *left = true;
            continue;
        }
        list_remove(&l->of_channel);
        list_push_back(&c->listens, &l->of_channel);
        return l;
    }
    return NULL;
}

static bool push_attention(struct channel *c, bool *left) {
    if (list_empty(&c->attention)) return false;
    struct listen *l = free_listener(c, true, left);
    if (l == NULL) return false;
    struct attention *a = list_entry(list_pop_front(&c->attention), struct attention, link);
    a->queued = false;
    uint64_t id = a->id;
    struct place places[2] = {{.state = ENTRY_DEFERRED}, {.state = ENTRY_READY}};
    for (int i = 0; i < 2; i++)
        place_key(&places[i].key, places[i].state, str_from(c->name), str_from(a->dest), a->priority, id);
    int rc = lease_start(c->q, l->client, l, id, places, 2, true, l->body_max, l->with_summary);
    if (rc == ERR_AGAIN)
        attention_again(c->q, c, id); /* leased already: its end decides */
    else if (rc != 0)
        attention_done(c->q, id);
    if (rc != 0 && rc != ERR_AGAIN && rc != ERR_NOTFOUND) /* it is due still */
        clock_due_at(c->q, DUE_ATTENTION, clock_wall_ms() + ATTENTION_RETRY_MS, id);
    return rc != ERR_AGAIN;
}

static struct dest *next_offer(struct channel *c) {
    int64_t now = clock_wall_ms();
    list_foreach_safe(it, &c->offers) {
        struct dest *d = list_entry(it, struct dest, offer);
        if (!dest_can_offer(d, now)) {
            list_remove(&d->offer);
            continue;
        }
        if (d->refilling) continue;
        list_remove(&d->offer); /* to the end: destinations take turns */
        list_push_back(&c->offers, &d->offer);
        return d;
    }
    return NULL;
}

static int lease_ready(struct dest *d, struct queue_client *client, struct listen *l, const struct ready_ref *ref,
                       uint64_t body_max, bool with_summary) {
    struct place place = {.state = ENTRY_READY};
    if (!suspect_may_lease(d->channel->q, d, ref)) return ERR_AGAIN;
    place_key(&place.key, ENTRY_READY, str_from(d->channel->name), str_from(d->name), ref->priority, ref->id);
    return lease_start(d->channel->q, client, l, ref->id, &place, 1, false, body_max, with_summary);
}

static bool push_ready(struct channel *c, bool *left) {
    struct listen *l = free_listener(c, false, left);
    if (l == NULL) return false;
    struct dest *d = next_offer(c);
    if (d == NULL) return false;
    struct ready_ref ref;
    d->pins++;
    if (d->window_count == 0 && d->more) {
        if (dest_refill(d) != 0) d->more = false;
    } else if (dest_take(d, &ref)) {
        int rc = lease_ready(d, l->client, l, &ref, l->body_max, l->with_summary);
        if (rc == ERR_CLOSED || rc == ERR_NOMEM) dest_add_ready(d, ref.priority, ref.id);
    }
    d->pins--;
    dest_settle(d);
    return true;
}

static bool tell_one(struct channel *c, struct dest *d) {
    Store__DestinationReady msg = STORE__DESTINATION_READY__INIT;
    bool told = false;
    msg.channel = c->name;
    msg.destination = d->name;
    msg.waiting = d->ready;
    list_foreach(it, &c->listens) {
        struct listen *l = list_entry(it, struct listen, of_channel);
        if (l->by_destination && !l->client->clogged(l->client))
            told |= l->client->send(l->client, STORE_EVENT_DESTINATION_READY, &msg.base, STR_EMPTY) == 0;
    }
    return told;
}

/* Only what changed is looked at: thousands of destinations may be waiting. True: some are left, as nobody could take
 * them. */
static bool tell_destinations(struct channel *c) {
    bool any = false;
    list_foreach(it, &c->listens) any |= list_entry(it, struct listen, of_channel)->by_destination;
    if (!any) return false;
    int64_t now = clock_wall_ms();
    while (!list_empty(&c->tells)) {
        struct dest *d = list_entry(list_pop_front(&c->tells), struct dest, tell);
        if (d->told || !dest_can_offer(d, now)) continue;
        d->told = tell_one(c, d);
        if (d->told) continue;
        list_push_front(&c->tells, &d->tell);
        return true;
    }
    return false;
}

static void pusher(void *arg) {
    struct channel *c = arg;
    while (!c->pusher_stops) {
        bool left = tell_destinations(c), did = push_attention(c, &left);
        did |= push_ready(c, &left);
        uint64_t until = left ? loop_now_ms() + TELL_AGAIN_MS : DEADLINE_NEVER;
        if (!did && !c->pusher_stops && cond_wait(&c->work, until) == ERR_CANCELLED) break;
    }
    c->pusher = NULL;
}

void push_wake(struct channel *c) {
    if (c->pusher == NULL) {
        if (list_empty(&c->listens) || c->q->stopping) return;
        if (fiber_spawn("queue push", pusher, c, &c->pusher) != 0) c->pusher = NULL;
        return;
    }
    cond_signal(&c->work);
}

void push_stop(struct queue *q) {
    struct str name;
    void *p;
    for (size_t pos = 0; map_next(q->channels, &pos, &name, &p);) {
        struct channel *c = p;
        c->pusher_stops = true;
        if (c->pusher != NULL) cond_signal(&c->work);
    }
}

static struct listen *listen_find(struct queue_client *client, struct channel *c) {
    list_foreach(it, &client->listens) {
        struct listen *l = list_entry(it, struct listen, of_client);
        if (l->channel == c) return l;
    }
    return NULL;
}

int queue_listen(struct queue *q, struct queue_client *client, const Store__QueueListen *r, struct error *err) {
    struct str name = str_from(r->channel);
    if (name.len == 0 || name.len > CHANNEL_NAME_MAX) return error_set(err, ERR_INVALID, "the channel is malformed");
    struct channel *c = channel_get(q, name);
    struct listen *l = listen_find(client, c);
    if (l == NULL) {
        l = calloc(1, sizeof *l);
        if (l == NULL) return ERR_NOMEM;
        l->client = client;
        l->channel = c;
        list_push_back(&client->listens, &l->of_client);
        list_push_back(&c->listens, &l->of_channel);
    }
    l->credit = r->credit;
    l->body_max = r->body_max;
    l->by_destination = r->by_destination;
    l->with_summary = r->with_summary;
    if (r->by_destination) /* the new listener knows nothing yet */
        list_foreach(it, &c->offers) {
            struct dest *d = list_entry(it, struct dest, offer);
            d->told = false;
            if (list_empty(&d->tell)) list_push_back(&c->tells, &d->tell);
        }
    push_wake(c);
    return 0;
}

/* Takes entries of a destination one after the other. */
static uint32_t lease_dest(struct queue *q, struct queue_client *client, struct dest *d, uint32_t max,
                           uint64_t body_max) {
    uint32_t count = 0;
    struct ready_ref ref;
    d->pins++;
    while (count < max && !client->gone && !q->stopping && dest_can_offer(d, clock_wall_ms())) {
        if (d->refilling) {
            if (fiber_sleep(1) != 0) break;
            continue;
        }
        if (d->window_count == 0) {
            if (dest_refill(d) != 0) break;
            continue;
        }
        if (dest_take(d, &ref) && lease_ready(d, client, NULL, &ref, body_max, false) == 0) count++;
    }
    d->pins--;
    dest_settle(d);
    return count;
}

int queue_lease(struct queue *q, struct queue_client *client, const Store__QueueLease *r, uint32_t *count,
                struct error *err) {
    if (r->id != 0) {
        struct place place;
        int rc = entry_find(q, r->id, &place);
        if (rc == 0) rc = lease_start(q, client, NULL, r->id, &place, 1, false, r->body_max, false);
        if (rc == ERR_NOTFOUND) return error_set(err, rc, "there is no queue entry %llu", (unsigned long long)r->id);
        if (rc == ERR_AGAIN)
            return error_set(err, rc, "queue entry %llu is being worked on", (unsigned long long)r->id);
        if (rc == 0) *count = 1;
        return rc;
    }
    *count = 0;
    struct channel *c = channel_find(q, str_from(r->channel));
    struct dest *d = c == NULL ? NULL : dest_find(c, str_from(r->destination));
    if (d == NULL) return 0;
    d->told = false;
    *count = lease_dest(q, client, d, r->max, r->body_max);
    return 0;
}

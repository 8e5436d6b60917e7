/* Entries that processes die of (MTA-17). All that a process had leased is under suspicion when it dies; what was
 * leased more than once is given out one at a time, so that the next death names the one. Lives in memory only. */
#include "store/queue/private.h"

#include <stdlib.h>

enum {
    ALONE_FROM = 2,      /* losses after which it is leased while no other such is */
    QUARANTINE_FROM = 4, /* losses after which it is put aside */
};

struct suspect {
    uint64_t id;
    unsigned lost;
    int32_t priority;
    char *dest;
    struct channel *channel;
    struct list parked; /* in channel->parked */
};

static struct suspect *find(struct queue *q, uint64_t id) {
    return map_get(q->suspects, map_u64_key(&id));
}

void suspect_free(void *p) {
    struct suspect *s = p;
    list_remove(&s->parked);
    free(s->dest);
    free(s);
}

void suspect_forget(struct queue *q, uint64_t id) {
    struct suspect *s = map_remove(q->suspects, map_u64_key(&id));
    if (s != NULL) suspect_free(s);
}

/* A hint: if the entry is not READY there, nothing comes of it. */
static void offer(struct dest *d, int32_t priority, uint64_t id) {
    if (d == NULL || d->ready == 0) return;
    dest_add_ready(d, priority, id);
    dest_settle(d);
}

struct put_aside {
    struct queue *q;
    uint64_t id;
};

static void put_aside_fiber(void *arg) {
    struct put_aside *p = arg;
    struct place place = {.key.len = 0};
    int rc = entry_find(p->q, p->id, &place);
    if (rc == 0 && !p->q->stopping)
        rc = quarantine_entry(p->q, key_str(&place.key),
                              "the process that worked on this message ended unexpectedly, again and again");
    if (rc != 0) { /* it counts anew */
        suspect_forget(p->q, p->id);
        if (rc != ERR_NOTFOUND) entry_offer(p->q, key_str(&place.key));
    }
    p->q->background--;
    free(p);
}

static void put_aside(struct queue *q, uint64_t id) {
    struct put_aside *p = calloc(1, sizeof *p);
    IEMS_ASSERT(p != NULL);
    *p = (struct put_aside){q, id};
    q->background++;
    if (fiber_spawn("queue quarantine", put_aside_fiber, p, NULL) == 0) return;
    q->background--;
    free(p);
}

void suspect_lost(struct queue *q, const struct lease *l) {
    uint64_t id = l->entry->id;
    if (q->stopping) return;
    struct suspect *s = find(q, id);
    if (s == NULL) {
        s = calloc(1, sizeof *s);
        IEMS_ASSERT(s != NULL);
        s->id = id;
        list_init(&s->parked);
        IEMS_ASSERT(map_put(q->suspects, map_u64_key(&id), s, NULL) == 0);
    }
    if (++s->lost == QUARANTINE_FROM) put_aside(q, id);
}

bool suspect_may_lease(struct queue *q, struct dest *d, const struct ready_ref *ref) {
    struct suspect *s = find(q, ref->id);
    if (s == NULL || s->lost < ALONE_FROM) return true;
    if (s->lost < QUARANTINE_FROM && d->channel->suspects == 0) return true;
    if (s->lost >= QUARANTINE_FROM) return false; /* on its way out */
    if (!list_empty(&s->parked)) return false;
    free(s->dest);
    s->dest = str_dup(str_from(d->name));
    s->priority = ref->priority;
    s->channel = d->channel;
    list_push_back(&d->channel->parked, &s->parked);
    return false;
}

void suspect_leased(struct queue *q, struct lease *l) {
    struct suspect *s = find(q, l->entry->id);
    if (s == NULL || s->lost < ALONE_FROM) return;
    l->suspect = true;
    l->dest->channel->suspects++;
}

/* The others may be offered again: the first that is leased keeps the rest waiting once more. */
void suspect_unleased(struct queue *q, struct lease *l) {
    struct channel *c = l->dest->channel;
    (void)q;
    if (!l->suspect) return;
    c->suspects--;
    for (struct list *node; (node = list_pop_front(&c->parked)) != NULL;) {
        struct suspect *s = list_entry(node, struct suspect, parked);
        offer(dest_find(c, str_from(s->dest)), s->priority, s->id);
    }
}

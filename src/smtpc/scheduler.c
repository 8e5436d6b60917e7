/* See scheduler.h. */
#include "smtpc/scheduler.h"

#include "base/map.h"

#include <stdlib.h>

struct scheduler {
    struct map *by_name;
    struct list wanting; /* may get a session, in turn */
    struct list resting; /* no sessions and nothing known to wait, but failures to remember; oldest first */
    size_t resting_count;
    struct sched_limits limits;
    unsigned sessions;
};

struct scheduler *scheduler_new(const struct sched_limits *limits) {
    struct scheduler *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->by_name = map_new(MAP_BYTES);
    if (s->by_name == NULL) {
        free(s);
        return NULL;
    }
    list_init(&s->wanting);
    list_init(&s->resting);
    s->limits = *limits;
    return s;
}

static void destination_free(void *p) {
    struct sched_destination *d = p;
    free(d->name);
    free(d);
}

void scheduler_free(struct scheduler *s) {
    if (s == NULL) return;
    map_free(s->by_name, destination_free);
    free(s);
}

void scheduler_set_limits(struct scheduler *s, const struct sched_limits *limits) {
    s->limits = *limits;
}

static void forget(struct scheduler *s, struct sched_destination *d) {
    list_remove(&d->node);
    (void)map_remove(s->by_name, str_from(d->name));
    destination_free(d);
}

static struct sched_destination *destination_new(struct scheduler *s, struct str name) {
    struct sched_destination *d = calloc(1, sizeof *d);
    if (d == NULL) return NULL;
    list_init(&d->node);
    d->name = str_dup(name);
    d->limit = s->limits.first;
    if (d->name == NULL || map_put(s->by_name, name, d, NULL) != 0) {
        destination_free(d);
        return NULL;
    }
    return d;
}

static unsigned limit_of(const struct scheduler *s, const struct sched_destination *d) {
    return d->limit < s->limits.per_destination ? d->limit : s->limits.per_destination;
}

/* One session for every few messages, at least one while any waits. */
static bool wants(const struct scheduler *s, const struct sched_destination *d) {
    if (d->waiting == 0 || d->failed) return false;
    return d->sessions < limit_of(s, d) && d->sessions < 1 + d->waiting / SCHED_MESSAGES_PER_SESSION;
}

static void place(struct scheduler *s, struct sched_destination *d) {
    bool want = wants(s, d);
    if (want == d->queued) return;
    d->queued = want;
    if (want)
        list_push_back(&s->wanting, &d->node);
    else
        list_remove(&d->node);
}

struct sched_destination *scheduler_ready(struct scheduler *s, struct str name, uint64_t waiting) {
    struct sched_destination *d = map_get(s->by_name, name);
    if (d == NULL) d = destination_new(s, name);
    if (d == NULL) return NULL;
    if (d->resting) {
        list_remove(&d->node);
        d->resting = false;
        s->resting_count--;
    }
    d->waiting = waiting > 0 ? waiting : 1;
    d->failed = false;
    place(s, d);
    return d;
}

struct sched_destination *scheduler_find(struct scheduler *s, struct str name) {
    return map_get(s->by_name, name);
}

struct sched_destination *scheduler_next(struct scheduler *s) {
    if (s->sessions >= s->limits.total) return NULL;
    struct list *n = list_pop_front(&s->wanting);
    if (n == NULL) return NULL;
    struct sched_destination *d = list_entry(n, struct sched_destination, node);
    d->queued = false;
    d->sessions++;
    s->sessions++;
    place(s, d); /* at the end: others first */
    return d;
}

void scheduler_taken(struct scheduler *s, struct sched_destination *d, unsigned asked, unsigned got) {
    d->waiting = got < asked || d->waiting < got ? 0 : d->waiting - got;
    place(s, d);
}

void scheduler_sent(struct scheduler *s, struct sched_destination *d) {
    d->failures = d->broken = 0;
    if (d->limit < s->limits.first)
        d->limit = s->limits.first;
    else if (d->limit < s->limits.per_destination)
        d->limit++;
    place(s, d);
}

bool scheduler_broken(struct scheduler *s, struct sched_destination *d) {
    if (++d->broken < SCHED_BROKEN_MAX) return false;
    d->broken = 0;
    return scheduler_failed(s, d);
}

bool scheduler_failed(struct scheduler *s, struct sched_destination *d) {
    if (d->failed) return false;
    if (d->sessions > 1) { /* the others work: this many are enough */
        d->limit = d->sessions - 1;
        place(s, d);
        return false;
    }
    d->failed = true;
    d->failures++;
    d->limit = 1;
    d->waiting = 0;
    place(s, d);
    return true;
}

void scheduler_ended(struct scheduler *s, struct sched_destination *d) {
    d->sessions--;
    s->sessions--;
    place(s, d);
    if (d->sessions > 0 || d->waiting > 0) return;
    if (d->failures == 0 && d->broken == 0) {
        forget(s, d);
        return;
    }
    d->resting = true;
    list_push_back(&s->resting, &d->node);
    if (++s->resting_count <= SCHED_REMEMBERED_MAX) return;
    s->resting_count--;
    forget(s, list_entry(list_first(&s->resting), struct sched_destination, node));
}

unsigned scheduler_sessions(const struct scheduler *s) {
    return s->sessions;
}
size_t scheduler_destinations(const struct scheduler *s) {
    return map_count(s->by_name);
}

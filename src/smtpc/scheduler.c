/* See scheduler.h. */
#include "smtpc/scheduler.h"

#include "base/map.h"

#include <stdlib.h>

struct scheduler {
    struct map *by_name;
    struct list wanting; /* may get a session, in turn */
    struct list probing; /* the same of destinations that failed before */
    struct list resting; /* no sessions and nothing known to wait, but failures to remember; oldest first */
    size_t resting_count;
    struct sched_limits limits;
    unsigned sessions, open, lookups, probes;
    bool probe_next;
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
    list_init(&s->probing);
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
    unsigned most = d->max != 0 ? d->max : s->limits.per_destination;
    return d->limit < most ? d->limit : most;
}

/* One session for every few messages, at least one while any waits. */
static bool wants(const struct scheduler *s, const struct sched_destination *d) {
    if (d->waiting == 0 || d->failed || d->lookups > 0) return false;
    return d->sessions < limit_of(s, d) && d->sessions < 1 + d->waiting / SCHED_MESSAGES_PER_SESSION;
}

/* Stands with those that have a share of the sessions only. */
static bool is_doubtful(const struct sched_destination *d) {
    return d->failures > 0 || d->slow;
}

static void place(struct scheduler *s, struct sched_destination *d) {
    bool want = wants(s, d);
    if (want == d->queued) return;
    d->queued = want;
    if (want)
        list_push_back(is_doubtful(d) ? &s->probing : &s->wanting, &d->node);
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

/* Of look-ups and connections half is for the others, whatever was set. */
static unsigned probes_max(const struct scheduler *s) {
    unsigned most = (s->limits.total < s->limits.lookups ? s->limits.total : s->limits.lookups) / 2;
    if (most == 0) most = 1;
    return s->limits.probes < most ? s->limits.probes : most;
}

/* Those that failed and the others take turns; the former never have more than their share. */
static struct list *next_list(struct scheduler *s) {
    bool probe = s->probes < probes_max(s) && !list_empty(&s->probing);
    if (probe && (s->probe_next || list_empty(&s->wanting))) {
        s->probe_next = false;
        return &s->probing;
    }
    s->probe_next = true;
    return &s->wanting;
}

struct sched_destination *scheduler_next(struct scheduler *s) {
    if (s->open >= s->limits.total || s->lookups >= s->limits.lookups) return NULL;
    struct list *n = list_pop_front(next_list(s));
    if (n == NULL) return NULL;
    struct sched_destination *d = list_entry(n, struct sched_destination, node);
    d->queued = false;
    d->sessions++;
    d->lookups++;
    s->sessions++;
    s->lookups++;
    if (is_doubtful(d) && !d->probing) {
        d->probing = true;
        s->probes++;
    }
    return d;
}

bool scheduler_open(struct scheduler *s, struct sched_destination *d) {
    if (s->open >= s->limits.total) return false;
    s->open++;
    s->lookups--;
    d->lookups--;
    place(s, d); /* at the end: others first */
    return true;
}

static void probe_ended(struct scheduler *s, struct sched_destination *d) {
    if (d->probing) s->probes--;
    d->probing = false;
}

void scheduler_taken(struct scheduler *s, struct sched_destination *d, unsigned asked, unsigned got) {
    d->waiting = got < asked || d->waiting < got ? 0 : d->waiting - got;
    place(s, d);
}

/* One session more, unless the destination has refused that lately. */
static void grow(struct scheduler *s, struct sched_destination *d) {
    d->taken++;
    if (d->limit >= s->limits.per_destination && d->limit >= d->max) return;
    if (d->ceiling != 0 && d->limit >= d->ceiling) {
        if (d->taken < d->hold) return;
        d->ceiling++;
        d->hold = d->hold / 2 > SCHED_HOLD_MIN ? d->hold / 2 : SCHED_HOLD_MIN;
    }
    d->taken = 0;
    d->limit++;
}

void scheduler_sent(struct scheduler *s, struct sched_destination *d) {
    bool probed = is_doubtful(d);
    d->failures = d->broken = d->busy = 0;
    d->works = true;
    d->slow = false;
    probe_ended(s, d);
    if (probed && d->queued) { /* it stands among those that failed */
        list_remove(&d->node);
        d->queued = false;
    }
    if (d->limit < s->limits.first && (d->ceiling == 0 || d->limit < d->ceiling))
        d->limit = s->limits.first;
    else
        grow(s, d);
    place(s, d);
}

bool scheduler_broken(struct scheduler *s, struct sched_destination *d) {
    if (++d->broken < SCHED_BROKEN_MAX) return false;
    d->broken = 0;
    return scheduler_failed(s, d);
}

/* It takes that many and no more: one more is asked for ever more rarely. */
static void narrow(struct sched_destination *d, unsigned sessions) {
    d->limit = d->ceiling = sessions;
    d->hold = d->hold == 0 ? SCHED_HOLD_MIN : d->hold * 4 < SCHED_HOLD_MAX ? d->hold * 4 : SCHED_HOLD_MAX;
    d->taken = 0;
}

static void stop_until_ready(struct scheduler *s, struct sched_destination *d) {
    d->failed = true;
    d->limit = 1;
    d->waiting = 0;
    place(s, d); /* before it counts as one that failed: it leaves the list that it is in */
}

bool scheduler_failed(struct scheduler *s, struct sched_destination *d) {
    if (d->failed) return false;
    if (d->sessions > 1) { /* the others work: this many are enough */
        narrow(d, d->sessions - 1);
        place(s, d);
        return false;
    }
    stop_until_ready(s, d);
    d->works = d->slow = false;
    d->busy = 0;
    d->failures++;
    return true;
}

bool scheduler_busy(struct scheduler *s, struct sched_destination *d) {
    if (d->failed || d->sessions > 1 || !d->works || d->busy == SCHED_BUSY_MAX) return scheduler_failed(s, d);
    narrow(d, 1);
    stop_until_ready(s, d);
    d->busy++;
    return true;
}

unsigned scheduler_busy_s(const struct sched_destination *d) {
    return d->busy == 0 ? 0 : 1u << (d->busy - 1);
}

void scheduler_slow(struct scheduler *s, struct sched_destination *d) {
    if (d->failed || d->slow) return;
    if (d->sessions > 1) {
        (void)scheduler_failed(s, d);
        return;
    }
    bool queued = d->queued;
    if (queued) list_remove(&d->node);
    d->queued = false;
    d->slow = true;
    place(s, d);
}

struct sched_short scheduler_short(const struct scheduler *s) {
    struct sched_short out = {0, 0};
    size_t *n = s->open >= s->limits.total ? &out.connections : s->lookups >= s->limits.lookups ? &out.lookups : NULL;
    if (n == NULL) return out;
    if (!list_empty(&s->wanting)) *n = probes_max(s) - (s->probes < probes_max(s) ? s->probes : probes_max(s));
    list_foreach(it, &s->wanting)(*n)++;
    return out;
}

void scheduler_ended(struct scheduler *s, struct sched_destination *d, bool open) {
    d->sessions--;
    s->sessions--;
    if (open) {
        s->open--;
    } else {
        s->lookups--;
        d->lookups--;
    }
    if (d->sessions == 0) probe_ended(s, d);
    place(s, d);
    if (d->sessions > 0 || d->waiting > 0) return;
    if (d->failures == 0 && d->broken == 0 && d->ceiling == 0 && d->busy == 0) {
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
unsigned scheduler_open_sessions(const struct scheduler *s) {
    return s->open;
}
unsigned scheduler_lookups(const struct scheduler *s) {
    return s->lookups;
}
unsigned scheduler_probes(const struct scheduler *s) {
    return s->probes;
}
size_t scheduler_destinations(const struct scheduler *s) {
    return map_count(s->by_name);
}

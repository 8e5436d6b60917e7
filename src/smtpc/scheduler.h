/* Decides for which destination the next session is opened. Pure: no clock, no I/O. SMTPC-05, SMTPC-06, SMTPC-08,
 * PEER-10.
 *
 * A destination begins with few sessions, gets more with each message that it takes, and one only (a probe) after it
 * failed. One that refuses a session more keeps to what it took, and is asked for more ever more rarely. Destinations
 * take turns, so that none blocks another. A session first looks up where to go: that counts by itself, so that a name
 * service that gives no answer holds up its own destinations alone; and so do sessions for destinations that failed
 * before, or that gave no answer while others waited. How long a failed one rests is kept by the store; here only its
 * failures are counted. */
#ifndef IEMS_SMTPC_SCHEDULER_H
#define IEMS_SMTPC_SCHEDULER_H

#include "base/list.h"
#include "base/str.h"

struct scheduler;

struct sched_limits {
    unsigned total, per_destination, first; /* sessions */
    unsigned lookups;                       /* sessions that look up where to go */
    unsigned probes;                        /* sessions for destinations that failed before (SQM-07) */
};

enum {
    SCHED_MESSAGES_PER_SESSION = 4,
    SCHED_REMEMBERED_MAX = 10000,
    SCHED_BROKEN_MAX = 3,
    SCHED_BUSY_MAX = 6,
    SCHED_HOLD_MIN = 50,
    SCHED_HOLD_MAX = 10000
};

struct sched_destination {
    struct list node; /* of those that want a session, or of those that rest */
    char *name;
    uint64_t waiting; /* messages, as far as known */
    unsigned sessions, limit;
    unsigned lookups;     /* of its sessions; never more than one */
    unsigned max;         /* of the administrator for this one; 0 = per_destination */
    unsigned ceiling;     /* it refused more than that; 0 = it never refused any */
    unsigned taken, hold; /* messages since, and how many it takes before one more is asked for */
    bool probing;         /* its session counts as a probe */
    uint32_t failures;    /* in a row, without a success between */
    unsigned broken;      /* sessions in a row that broke over a message */
    unsigned busy;        /* times in a row that it wanted no session at all, though it works */
    bool works;           /* it took a message since it last failed */
    bool slow;            /* it gave no answer while others waited: stands with those that failed */
    bool failed;          /* since it was last ready */
    bool queued, resting; /* in which list */
    void *data;           /* of the owner; NULL when it is forgotten */
};

struct scheduler *scheduler_new(const struct sched_limits *limits);
void scheduler_free(struct scheduler *s);
void scheduler_set_limits(struct scheduler *s, const struct sched_limits *limits);

/* Messages wait for the destination. NULL when out of memory. */
struct sched_destination *scheduler_ready(struct scheduler *s, struct str name, uint64_t waiting);
struct sched_destination *scheduler_find(struct scheduler *s, struct str name); /* NULL = not known */
/* The destination that is to get a session now; it is counted as opened. NULL = none. */
struct sched_destination *scheduler_next(struct scheduler *s);
/* The look-up of a session has ended: it may connect now. False: all connections are in use; it is asked again when one
 * has ended. */
bool scheduler_open(struct scheduler *s, struct sched_destination *d);
/* `got` of `asked` messages were taken. */
void scheduler_taken(struct scheduler *s, struct sched_destination *d, unsigned asked, unsigned got);
void scheduler_sent(struct scheduler *s, struct sched_destination *d);
/* A session broke while it sent a message, having sent none before: that may be the fault of the message, so the others
 * get their turn (LIM-23); after a few in a row it is the destination's. True: as from scheduler_failed. */
bool scheduler_broken(struct scheduler *s, struct sched_destination *d);
/* A session could not be opened, or was closed before it got an answer. True: the destination is to rest (failures says
 * how often it has failed); false: its other sessions work, it just wants no more of them, or it rests already. */
bool scheduler_failed(struct scheduler *s, struct sched_destination *d);
/* The same where the server said that it wants no more connections now (421 or another 4xx, in the greeting or to
 * EHLO). One that works otherwise is not down: with sessions it keeps to those; without, as when it still counts one
 * that has just ended, it is to rest for scheduler_busy_s, which is no failure. */
bool scheduler_busy(struct scheduler *s, struct sched_destination *d);
unsigned scheduler_busy_s(const struct sched_destination *d); /* seconds; 0 = it is not busy */
/* A session was given up in favour of others that wait (scheduler_short): its destination stands with those that failed
 * until it takes a message, and rests not at all. */
void scheduler_slow(struct scheduler *s, struct sched_destination *d);
/* Destinations that did not fail wait for a session, as all look-ups or connections are in use: how many sessions would
 * have to end, with those that go to their turn with destinations that failed. */
struct sched_short {
    size_t lookups, connections;
};
struct sched_short scheduler_short(const struct scheduler *s);
/* The session ended; `open`: scheduler_open had said yes to it. The destination may be forgotten by this: do not use it
 * any more. */
void scheduler_ended(struct scheduler *s, struct sched_destination *d, bool open);
unsigned scheduler_sessions(const struct scheduler *s);
unsigned scheduler_open_sessions(const struct scheduler *s);
unsigned scheduler_lookups(const struct scheduler *s);
unsigned scheduler_probes(const struct scheduler *s);
size_t scheduler_destinations(const struct scheduler *s);

#endif

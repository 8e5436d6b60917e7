/* What fiber.c, deadline.c, watch.c and loop.c share. */
#ifndef IEMS_NET_FIBER_PRIVATE_H
#define IEMS_NET_FIBER_PRIVATE_H

#include "net/context.h"
#include "net/fiber.h"
#include "net/stack.h"

enum fiber_state {
    FIBER_QUEUED, /* new or yielding */
    FIBER_RUNNING,
    FIBER_PARKED,
    FIBER_WOKEN, /* queued after a wait: `result` is what it will return */
    FIBER_ENDED,
};

enum { DEADLINE_NONE = UINT32_MAX };

struct fiber {
    struct list run; /* in the run queue while FIBER_QUEUED or FIBER_WOKEN */
    struct list all;
    struct list untrimmed; /* among those whose stack may hold pages that it does not need */
    uint64_t parked_ms;    /* when the present wait began */
    struct context context;
    struct stack stack;
    const char *name;
    void (*fn)(void *arg);
    void *arg;
    uint64_t deadline;      /* of the present wait */
    uint32_t deadline_slot; /* place in the heap of deadline.c, or DEADLINE_NONE */
    int8_t result;          /* of the present wait */
    uint8_t state;
    bool wake_pending, cancelled, shielded, is_untrimmed;
};

/* Stacks of fibers that have waited for so long are trimmed by the loop. */
enum { FIBER_TRIM_AFTER_MS = 5000 };

/* Runs what is ready until nothing is, or for a bounded number of steps. */
void fibers_run(void);
bool fibers_ready(void);
void fibers_cancel_all(void);
/* Trims what is due; returns when to come again, DEADLINE_NEVER if there is nothing to trim. */
uint64_t fibers_trim(uint64_t now_ms);
/* For tests that failed: the one that a longjmp has left, or all, run no more. Their memory stays as it is, since
 * others may point into it. */
void fibers_forget_current(void);
void fibers_forget_all(void);
/* Ends the wait of a parked fiber. */
void fiber_resume_later(struct fiber *f, int result);
/* A park that fiber_cancel does not end: for what another thread must finish first. */
void fiber_park_shielded(void);

/* --- deadline.c: a heap of (time, fiber) that is corrected lazily. Each parked fiber with a deadline has an entry that
 * is not later than it; the entry stays when the fiber is woken, so that the next wait usually finds one that is good
 * enough. */
NODISCARD int deadline_reserve(unsigned fibers); /* room for so many: then deadline_arm cannot fail */
void deadline_arm(struct fiber *f);
void deadline_remove(struct fiber *f);
void deadline_expire(uint64_t now_ms);
uint64_t deadline_next(void); /* DEADLINE_NEVER if there is none */
void deadline_free(void);

#endif

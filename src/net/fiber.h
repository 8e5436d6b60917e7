/* Fibers: stackful, cooperative, one thread. A session is a fiber whose code reads top to bottom.
 *
 * A fiber runs until it waits (fiber_park and what is built on it: cond_wait, stream_*, rpc_call, ...).
 * Nothing in a fiber may block the thread. Stacks are mmap'd with a guard page and reused; FIBER_STACK_SIZE is
 * virtual, only touched pages cost memory. Deadlines are loop_now_ms() values. */
#ifndef IEMS_NET_FIBER_H
#define IEMS_NET_FIBER_H

#include "base/error.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct fiber;

/* A wait without end; for waits that only an event of our own processes ends (leases, idle watchers). */
#define DEADLINE_NEVER UINT64_MAX

/* Queues a new fiber; it first runs after the caller waits or returns to the loop. `name` is static text.
 * `*out` may be NULL; the pointer is valid until the fiber's function returns. */
NODISCARD int fiber_spawn(const char *name, void (*fn)(void *arg), void *arg, struct fiber **out);
struct fiber *fiber_self(void); /* NULL on the loop's own stack */
const char *fiber_name(const struct fiber *f);
unsigned fiber_count(void); /* fibers alive */

/* Waits for fiber_wake, the deadline or fiber_cancel: 0, ERR_TIMEOUT, ERR_CANCELLED. A wake that came
 * while the fiber was running is remembered (at most one). */
NODISCARD int fiber_park(uint64_t deadline_ms);
void fiber_wake(struct fiber *f);
NODISCARD int fiber_sleep(uint64_t ms);
void fiber_yield(void); /* lets others that are ready run first */

/* From now on every wait of `f` fails with ERR_CANCELLED, beginning with the present one. */
void fiber_cancel(struct fiber *f);
bool fiber_cancelled(void);

/* Waits until `fd` is ready: `events` is a mix of FIBER_READ and FIBER_WRITE. One fiber per fd at a time. Costs three
 * system calls: for handshakes and the like; struct watch (net/watch.h) is for descriptors that live long. */
enum { FIBER_READ = 1, FIBER_WRITE = 2 };
NODISCARD int fiber_wait_fd(int fd, int events, uint64_t deadline_ms);

/* Gives the unused part of the own stack back to the system. The loop does it by itself for a fiber that has waited for
 * five seconds; a session that knows that it will idle may do it at once. */
void fiber_trim_stack(void);

/* Condition: fibers wait in order of arrival. */
struct cond {
    struct list waiters;
};
void cond_init(struct cond *c);
NODISCARD int cond_wait(struct cond *c, uint64_t deadline_ms); /* 0, ERR_TIMEOUT, ERR_CANCELLED */
void cond_signal(struct cond *c);                              /* wakes the first */
void cond_broadcast(struct cond *c);

/* A count of permits, e.g. concurrent work. */
struct semaphore {
    unsigned free;
    struct cond changed;
};
void semaphore_init(struct semaphore *s, unsigned permits);
NODISCARD int semaphore_take(struct semaphore *s, uint64_t deadline_ms);
void semaphore_give(struct semaphore *s);

#endif

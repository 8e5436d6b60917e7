/* The event loop of a process (libuv), one per process, and the run queue of its fibers.
 * Everything in src/net belongs to the thread that called loop_init; nothing here may be called from another,
 * except loop_post. */
#ifndef IEMS_NET_LOOP_H
#define IEMS_NET_LOOP_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct uv_loop_s;

/* Creates the loop; call once, first. Ignores SIGPIPE. */
NODISCARD int loop_init(struct error *err);
/* Runs until loop_stop; flushes the log before each wait. */
void loop_run(void);
void loop_stop(void);
/* Frees everything; cancels fibers that are left and lets them end first. */
void loop_done(void);
/* As loop_done, where a longjmp may have left a fiber, as a failed test does: that one stays where it is, with all that
 * it has, and so do others that do not end. Nothing to do when there is no loop. */
void loop_abandon(void);
struct uv_loop_s *loop_uv(void);
uint64_t loop_now_ms(void); /* monotonic, read once per turn: cheap */

/* Runs `fn(arg)` on the loop thread soon. The one call that any thread may make. */
void loop_post(void (*fn)(void *arg), void *arg);

/* Calls `fn(arg)` from the loop when the signal arrives (not in a signal handler). */
NODISCARD int loop_on_signal(int signum, void (*fn)(int signum, void *arg), void *arg);

/* A repeating or single timer on the loop. Freed by loop_timer_free (from its own callback too). */
struct loop_timer;
struct loop_timer *loop_timer_new(uint64_t first_ms, uint64_t repeat_ms, void (*fn)(void *arg), void *arg);
void loop_timer_free(struct loop_timer *t);

/* Runs `fn(arg)` on a worker thread and parks the calling fiber until it is done (cannot be cancelled).
 * Only iems-store and iems-dir use it, for libraries that block. ERR_NOMEM if it cannot be queued. */
NODISCARD int work_run(void (*fn)(void *arg), void *arg);
/* Most threads that work_run makes (default 4, at most 64); they are made when needed. */
void work_set_threads(unsigned threads);

#endif

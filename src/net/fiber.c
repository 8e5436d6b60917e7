/* Fibers and their run queue. Every wake only queues; the loop runs the queue, so no fiber is ever resumed inside
 * another. */
#include "net/fiber_private.h"

#include "net/loop.h"

#include <stdlib.h>

enum {
    RUN_BUDGET = 2048,     /* steps before the loop looks at descriptors again */
    TRIM_OWN_FRAMES = 512, /* what fiber_trim_stack and madvise need themselves */
};

static struct {
    struct list run;     /* ready, in order */
    struct list yielded; /* ready after the loop has looked at its descriptors */
    struct list all;
    struct list untrimmed; /* fibers that have waited since they were last trimmed */
    struct list forgotten;
    uint64_t trim_next_ms;
    struct fiber *current;
    struct context loop;
    unsigned count;
    bool ready;
} fibers;

static void fibers_init(void) {
    list_init(&fibers.run);
    list_init(&fibers.yielded);
    list_init(&fibers.all);
    list_init(&fibers.untrimmed);
    list_init(&fibers.forgotten);
    context_init_self(&fibers.loop);
    fibers.ready = true;
}

static void fiber_main(void) {
    struct fiber *f = fibers.current;
    context_entered(&f->context, &fibers.loop);
    f->fn(f->arg);
    f->state = FIBER_ENDED;
    context_switch(&f->context, &fibers.loop, true);
    abort();
}

int fiber_spawn(const char *name, void (*fn)(void *arg), void *arg, struct fiber **out) {
    if (!fibers.ready) fibers_init();
    struct fiber *f = calloc(1, sizeof *f);
    if (f == NULL) return ERR_NOMEM;
    if (deadline_reserve(fibers.count + 1) != 0 || stack_take(&f->stack) != 0) {
        free(f);
        return ERR_NOMEM;
    }
    f->name = name;
    f->fn = fn;
    f->arg = arg;
    f->deadline_slot = DEADLINE_NONE;
    f->state = FIBER_QUEUED;
    context_make(&f->context, f->stack.low, FIBER_STACK_SIZE, fiber_main);
    list_push_back(&fibers.run, &f->run);
    list_push_back(&fibers.all, &f->all);
    fibers.count++;
    if (out != NULL) *out = f;
    return 0;
}

static void fiber_reap(struct fiber *f) {
    deadline_remove(f);
    list_remove(&f->all);
    if (f->is_untrimmed) list_remove(&f->untrimmed);
    context_done(&f->context);
    stack_give(&f->stack);
    fibers.count--;
    free(f);
}

void fibers_run(void) {
    if (!fibers.ready) fibers_init();
    while (!list_empty(&fibers.yielded)) list_push_back(&fibers.run, list_pop_front(&fibers.yielded));
    struct list *node;
    for (int budget = RUN_BUDGET; budget > 0 && (node = list_pop_front(&fibers.run)) != NULL; budget--) {
        struct fiber *f = list_entry(node, struct fiber, run);
        f->state = FIBER_RUNNING;
        fibers.current = f;
        context_switch(&fibers.loop, &f->context, false);
        fibers.current = NULL;
        if (f->state == FIBER_ENDED) fiber_reap(f);
    }
}

bool fibers_ready(void) {
    return fibers.ready && (!list_empty(&fibers.run) || !list_empty(&fibers.yielded));
}

void fibers_cancel_all(void) {
    if (!fibers.ready) return;
    list_foreach(node, &fibers.all) fiber_cancel(list_entry(node, struct fiber, all));
}

/* To wake or cancel it does nothing any more. */
static void forget(struct fiber *f) {
    if (f->state == FIBER_QUEUED || f->state == FIBER_WOKEN) list_remove(&f->run);
    if (f->is_untrimmed) list_remove(&f->untrimmed);
    deadline_remove(f);
    f->state = FIBER_ENDED;
    fibers.count--;
    list_remove(&f->all);
    list_push_back(&fibers.forgotten, &f->all);
}

void fibers_forget_current(void) {
    if (fibers.current == NULL) return;
    context_jumped_to(&fibers.loop);
    forget(fibers.current);
    fibers.current = NULL;
}

void fibers_forget_all(void) {
    fibers_forget_current();
    if (fibers.ready) list_foreach_safe(node, &fibers.all) forget(list_entry(node, struct fiber, all));
}

struct fiber *fiber_self(void) {
    return fibers.current;
}

const char *fiber_name(const struct fiber *f) {
    return f->name;
}

unsigned fiber_count(void) {
    return fibers.count;
}

/* Waits whatever pends; the caller has looked at that. */
static int park_now(struct fiber *f, uint64_t deadline_ms) {
    f->deadline = deadline_ms;
    f->parked_ms = loop_now_ms();
    if (!f->is_untrimmed) {
        f->is_untrimmed = true;
        list_push_back(&fibers.untrimmed, &f->untrimmed);
    }
    f->state = FIBER_PARKED;
    deadline_arm(f);
    context_switch(&f->context, &fibers.loop, false);
    return f->result;
}

int fiber_park(uint64_t deadline_ms) {
    struct fiber *f = fibers.current;
    IEMS_ASSERT(f != NULL);
    if (f->cancelled) return ERR_CANCELLED;
    if (f->wake_pending) {
        f->wake_pending = false;
        return 0;
    }
    if (deadline_ms != DEADLINE_NEVER && deadline_ms <= loop_now_ms()) return ERR_TIMEOUT;
    return park_now(f, deadline_ms);
}

void fiber_park_shielded(void) {
    struct fiber *f = fibers.current;
    IEMS_ASSERT(f != NULL);
    f->shielded = true;
    if (f->wake_pending) {
        f->wake_pending = false;
    } else {
        (void)park_now(f, DEADLINE_NEVER);
    }
    f->shielded = false;
}

void fiber_resume_later(struct fiber *f, int result) {
    f->result = (int8_t)result;
    f->state = FIBER_WOKEN;
    list_push_back(&fibers.run, &f->run);
}

void fiber_wake(struct fiber *f) {
    if (f->state == FIBER_PARKED) {
        fiber_resume_later(f, 0);
    } else if (f->state != FIBER_WOKEN) {
        f->wake_pending = true;
    } else if (f->result == ERR_TIMEOUT) {
        f->result = 0; /* it came in time: the fiber has not seen the time-out yet */
    }
}

int fiber_sleep(uint64_t ms) {
    uint64_t deadline = loop_now_ms() + ms;
    int rc;
    do {
        rc = fiber_park(deadline);
    } while (rc == 0);
    return rc == ERR_TIMEOUT ? 0 : rc;
}

void fiber_yield(void) {
    struct fiber *f = fibers.current;
    IEMS_ASSERT(f != NULL);
    f->state = FIBER_QUEUED;
    list_push_back(&fibers.yielded, &f->run);
    context_switch(&f->context, &fibers.loop, false);
}

void fiber_cancel(struct fiber *f) {
    f->cancelled = true;
    if (f->state == FIBER_PARKED && !f->shielded) fiber_resume_later(f, ERR_CANCELLED);
}

bool fiber_cancelled(void) {
    return fibers.current != NULL && fibers.current->cancelled;
}

void fiber_trim_stack(void) {
    IEMS_ASSERT(fibers.current != NULL);
    stack_trim(&fibers.current->stack, (char *)__builtin_frame_address(0) - TRIM_OWN_FRAMES);
}

uint64_t fibers_trim(uint64_t now_ms) {
    if (!fibers.ready || list_empty(&fibers.untrimmed)) return DEADLINE_NEVER;
    if (now_ms < fibers.trim_next_ms) return fibers.trim_next_ms;
    list_foreach_safe(node, &fibers.untrimmed) {
        struct fiber *f = list_entry(node, struct fiber, untrimmed);
        if (f->state != FIBER_PARKED || now_ms - f->parked_ms < FIBER_TRIM_AFTER_MS) continue;
        const void *sp = context_sp(&f->context);
        if (sp != NULL) stack_trim(&f->stack, sp);
        list_remove(&f->untrimmed);
        f->is_untrimmed = false;
    }
    fibers.trim_next_ms = now_ms + FIBER_TRIM_AFTER_MS;
    return list_empty(&fibers.untrimmed) ? DEADLINE_NEVER : fibers.trim_next_ms;
}

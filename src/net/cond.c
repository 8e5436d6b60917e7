/* Conditions and semaphores. A waiter's node lies on its stack; who signals takes it out of the list, and that it was
 * taken out is what ends the wait: a signal is never lost to a time-out or a cancellation of the same moment. */
#include "net/cond_private.h"
#include "net/fiber.h"

void cond_init(struct cond *c) {
    list_init(&c->waiters);
}

void cond_join(struct cond *c, struct cond_waiter *w) {
    w->fiber = fiber_self();
    w->signalled = false;
    list_push_back(&c->waiters, &w->node);
}

bool cond_leave(struct cond_waiter *w) {
    if (!w->signalled) list_remove(&w->node);
    return w->signalled;
}

int cond_wait(struct cond *c, uint64_t deadline_ms) {
    struct cond_waiter w;
    cond_join(c, &w);
    int rc = 0;
    while (rc == 0 && !w.signalled) rc = fiber_park(deadline_ms);
    return cond_leave(&w) ? 0 : rc;
}

void cond_signal(struct cond *c) {
    struct list *node = list_pop_front(&c->waiters);
    if (node == NULL) return;
    struct cond_waiter *w = list_entry(node, struct cond_waiter, node);
    w->signalled = true;
    fiber_wake(w->fiber);
}

void cond_broadcast(struct cond *c) {
    while (!list_empty(&c->waiters)) cond_signal(c);
}

void semaphore_init(struct semaphore *s, unsigned permits) {
    s->free = permits;
    cond_init(&s->changed);
}

int semaphore_take(struct semaphore *s, uint64_t deadline_ms) {
    if (fiber_cancelled()) return ERR_CANCELLED;
    if (s->free > 0) {
        s->free--;
        return 0;
    }
    return cond_wait(&s->changed, deadline_ms); /* semaphore_give hands its permit over */
}

void semaphore_give(struct semaphore *s) {
    if (list_empty(&s->changed.waiters)) {
        s->free++;
    } else {
        cond_signal(&s->changed);
    }
}

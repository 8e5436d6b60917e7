/* Waiting on a condition together with something else (stream_wait_input). */
#ifndef IEMS_NET_COND_PRIVATE_H
#define IEMS_NET_COND_PRIVATE_H

#include "net/fiber.h"

struct cond_waiter {
    struct list node;
    struct fiber *fiber;
    bool signalled;
};

/* The calling fiber joins the waiters; a signal sets w->signalled and wakes it. */
void cond_join(struct cond *c, struct cond_waiter *w);
/* Ends that; true when it was signalled. */
bool cond_leave(struct cond_waiter *w);

#endif

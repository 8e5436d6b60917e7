/* What loop.c, post.c, timer.c, watch.c and work.c share. */
#ifndef IEMS_NET_LOOP_PRIVATE_H
#define IEMS_NET_LOOP_PRIVATE_H

#include "base/list.h"
#include "net/loop.h"

struct watch;

int loop_epoll(void);
/* The loop saw events (a mask of EPOLL...) on the descriptor of `w`. */
void watch_event(struct watch *w, uint32_t events);

/* --- post.c: calls from other threads. A node needs no allocation; the function runs on the loop's thread. */
struct post {
    struct post *next;
    void (*fn)(void *arg);
    void *arg;
    bool heap;
};
NODISCARD int posts_init(int epoll, struct error *err);
void posts_done(void);
void post_node(struct post *p);
void posts_run(void);
/* The loop is about to wait: from now on posting wakes it. False: something was posted meanwhile, do not wait. */
bool posts_sleep(void);
void posts_awake(void);
bool posts_is(const void *watched); /* the data pointer of the eventfd */

/* timer.c, work.c: freed with the loop */
void timers_done(void);
void signals_done(void);
void work_done(void);

#endif

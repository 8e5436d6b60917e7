/* Edge-triggered watching. EPOLLOUT is registered only while somebody has had to wait for it: a Unix socket would give
 * an edge each time that its peer reads. */
#include "net/watch.h"

#include "net/loop_private.h"

#include <sys/epoll.h>

void watch_init(struct watch *w, int fd) {
    *w = (struct watch){.fd = fd, .ready = FIBER_READ | FIBER_WRITE};
}

static int watch_arm(struct watch *w, int events) {
    struct epoll_event ev = {.events = EPOLLET, .data.ptr = w};
    if ((events & FIBER_READ) != 0) ev.events |= EPOLLIN | (w->shared ? EPOLLEXCLUSIVE : EPOLLRDHUP);
    if ((events & FIBER_WRITE) != 0) ev.events |= EPOLLOUT;
    if (epoll_ctl(loop_epoll(), w->armed == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, w->fd, &ev) != 0) return ERR_IO;
    w->armed = (uint8_t)events;
    return 0;
}

void watch_done(struct watch *w) {
    IEMS_ASSERT(w->reader == NULL && w->writer == NULL);
    /* Closing would not end the registration if another process has the descriptor too. */
    if (w->armed != 0) (void)epoll_ctl(loop_epoll(), EPOLL_CTL_DEL, w->fd, NULL);
    w->armed = 0;
}

void watch_drained(struct watch *w, int events, bool certain) {
    if (w->ended && !certain) events &= ~FIBER_READ;
    w->ready &= (uint8_t)~events;
}

int watch_join(struct watch *w, int events) {
    /* Registering reports what is ready already, so no edge is missed between the call that blocked and now. */
    if ((w->armed & events) != events && watch_arm(w, w->armed | events) != 0) return ERR_IO;
    IEMS_ASSERT((events & FIBER_READ) == 0 || w->reader == NULL);
    IEMS_ASSERT((events & FIBER_WRITE) == 0 || w->writer == NULL);
    if ((events & FIBER_READ) != 0) w->reader = fiber_self();
    if ((events & FIBER_WRITE) != 0) w->writer = fiber_self();
    return 0;
}

void watch_leave(struct watch *w, int events) {
    if ((events & FIBER_READ) != 0) w->reader = NULL;
    if ((events & FIBER_WRITE) != 0) w->writer = NULL;
}

int watch_wait(struct watch *w, int events, uint64_t deadline_ms) {
    if ((w->ready & events) != 0) return 0;
    int rc = watch_join(w, events);
    if (rc != 0) return rc;
    while (rc == 0 && (w->ready & events) == 0) rc = fiber_park(deadline_ms);
    watch_leave(w, events);
    return (w->ready & events) != 0 ? 0 : rc;
}

void watch_event(struct watch *w, uint32_t events) {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) w->ended = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        w->ready |= FIBER_READ;
        if (w->reader != NULL) fiber_wake(w->reader);
    }
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
        w->ready |= FIBER_WRITE;
        if (w->writer != NULL) {
            fiber_wake(w->writer);
        } else if ((w->armed & FIBER_WRITE) != 0 && (w->armed & FIBER_READ) != 0) {
            (void)watch_arm(w, FIBER_READ); /* on failure it stays registered, which costs only wakes */
        }
    }
}

int fiber_wait_fd(int fd, int events, uint64_t deadline_ms) {
    struct watch w;
    watch_init(&w, fd);
    w.ready = 0;
    int rc = watch_wait(&w, events, deadline_ms);
    watch_done(&w);
    return rc;
}

/* A descriptor watched by the loop, edge-triggered: registered once, at the first wait, so that a session of requests
 * and responses makes no epoll_ctl calls. Try the system call first while `ready` says that it may succeed; when it
 * gives EAGAIN (or less than asked for) call watch_drained, then watch_wait. */
#ifndef IEMS_NET_WATCH_H
#define IEMS_NET_WATCH_H

#include "net/fiber.h"

struct watch {
    int fd;
    uint8_t armed; /* directions registered with the loop */
    uint8_t ready; /* directions that are not known to block */
    bool ended;    /* the peer hung up or an error pends: reading will not block */
    bool shared;   /* several processes wait for it (listening sockets): wake only one */
    struct fiber *reader, *writer;
};

void watch_init(struct watch *w, int fd);
/* Before the descriptor is closed; no fiber may be waiting. Does not close it. */
void watch_done(struct watch *w);
/* The call has drained `events`. `certain`: it was EAGAIN; otherwise less than asked for came. */
void watch_drained(struct watch *w, int events, bool certain);
/* Waits until one of `events` is ready: 0, ERR_TIMEOUT, ERR_CANCELLED, ERR_IO (cannot be watched). */
NODISCARD int watch_wait(struct watch *w, int events, uint64_t deadline_ms);
/* For waits that end by other things too: registers the calling fiber, which then parks, checks w->ready, and leaves.
 */
NODISCARD int watch_join(struct watch *w, int events);
void watch_leave(struct watch *w, int events);

#endif

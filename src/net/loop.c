/* The event loop. The wait is an epoll of our own, which watches streams edge-triggered (watch.c) and libuv's backend
 * as one descriptor; libuv (timers, signals, processes, the resolver's sockets) runs a turn only when it has something
 * to do. So a request costs one wait, one read and one write. */
#include "net/loop_private.h"

#include "base/log.h"
#include "net/chunk.h"
#include "net/fiber_private.h"
#include "net/watch.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <uv.h>

enum { EVENTS_PER_WAIT = 256, END_PATIENCE_MS = 10000 };

static struct {
    uv_loop_t uv;
    uv_async_t keep; /* never sent: libuv counts as alive, so that its timeout is a real one */
    int epoll;
    bool ready, stop, ending;
} loop = {.epoll = -1};

static int fail(struct error *err, const char *what, const char *why) {
    return error_set(err, ERR_IO, "cannot start the event loop: %s: %s", what, why);
}

int loop_init(struct error *err) {
    IEMS_ASSERT(!loop.ready);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
    int rc = uv_loop_init(&loop.uv);
    if (rc != 0) return fail(err, "libuv", uv_strerror(rc));
    rc = uv_async_init(&loop.uv, &loop.keep, NULL);
    if (rc != 0) return fail(err, "libuv", uv_strerror(rc));
    loop.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop.epoll < 0) return fail(err, "epoll", strerror(errno));
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &loop.uv};
    if (epoll_ctl(loop.epoll, EPOLL_CTL_ADD, uv_backend_fd(&loop.uv), &ev) != 0) {
        return fail(err, "epoll", strerror(errno));
    }
    rc = posts_init(loop.epoll, err);
    if (rc != 0) return rc;
    loop.stop = false;
    loop.ready = true;
    return 0;
}

int loop_epoll(void) {
    return loop.epoll;
}

struct uv_loop_s *loop_uv(void) {
    return &loop.uv;
}

uint64_t loop_now_ms(void) {
    return uv_now(&loop.uv);
}

void loop_stop(void) {
    loop.stop = true;
}

static int wait_ms(void) {
    if (loop.stop || fibers_ready() || (loop.ending && fiber_count() == 0)) return 0;
    int timeout = uv_backend_timeout(&loop.uv);
    uint64_t now = uv_now(&loop.uv), next = deadline_next(), trim = fibers_trim(now);
    if (trim < next) next = trim;
    if (next == DEADLINE_NEVER) return timeout;
    uint64_t left = next <= now ? 0 : next - now;
    if (left > INT32_MAX) left = INT32_MAX;
    return timeout < 0 || left < (uint64_t)timeout ? (int)left : timeout;
}

static bool dispatch(const struct epoll_event *events, int count) {
    bool run_uv = false;
    for (int i = 0; i < count; i++) {
        void *watched = events[i].data.ptr;
        if (watched == &loop.uv) {
            run_uv = true;
        } else if (!posts_is(watched)) {
            watch_event(watched, events[i].events);
        }
    }
    return run_uv;
}

static void loop_turn(void) {
    posts_run();
    fibers_run();
    if (loop.stop) return;
    if (uv_backend_timeout(&loop.uv) == 0) (void)uv_run(&loop.uv, UV_RUN_NOWAIT);
    int timeout = wait_ms();
    if (timeout != 0) {
        log_flush();
        if (!posts_sleep()) timeout = 0;
    }
    struct epoll_event events[EVENTS_PER_WAIT];
    int n = epoll_pwait(loop.epoll, events, EVENTS_PER_WAIT, timeout, NULL);
    posts_awake();
    uv_update_time(&loop.uv);
    if (n > 0 && dispatch(events, n)) (void)uv_run(&loop.uv, UV_RUN_NOWAIT);
    deadline_expire(uv_now(&loop.uv));
}

void loop_run(void) {
    IEMS_ASSERT(loop.ready && fiber_self() == NULL);
    loop.stop = false;
    uv_update_time(&loop.uv);
    while (!loop.stop) loop_turn();
    log_flush();
}

static void close_handle(uv_handle_t *h, void *arg) {
    (void)arg;
    if (!uv_is_closing(h)) uv_close(h, NULL);
}

void loop_done(void) {
    if (!loop.ready) return;
    loop.stop = false;
    loop.ending = true;
    uv_update_time(&loop.uv);
    uint64_t patience = uv_now(&loop.uv) + END_PATIENCE_MS;
    while (fiber_count() > 0 && uv_now(&loop.uv) < patience) {
        fibers_cancel_all();
        loop_turn();
        loop.stop = false;
    }
    work_done();
    posts_done();
    timers_done();
    signals_done();
    uv_walk(&loop.uv, close_handle, NULL);
    while (uv_run(&loop.uv, UV_RUN_NOWAIT) != 0) {
    }
    (void)uv_loop_close(&loop.uv);
    close(loop.epoll);
    loop.epoll = -1;
    loop.ready = loop.ending = false;
    if (fiber_count() == 0) deadline_free();
    stack_pool_free();
    chunk_pool_free();
    log_flush();
}

void loop_abandon(void) {
    if (!loop.ready) return;
    fibers_forget_current();
    loop_done();
    if (fiber_count() == 0) return;
    fibers_forget_all();
    deadline_free();
}

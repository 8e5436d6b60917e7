/* libunbound's pluggable event API (unbound-event.h) on libuv. Its descriptors live in an epoll set of their own, which
 * is one descriptor to libuv; ready events are taken off it one at a time, as a callback may free any event. One libuv
 * timer stands for all timers. Callbacks run on the loop's own stack, never in a fiber. */
#include "net/unbound_base.h"

#include "base/list.h"
#include "net/fiber_private.h"
#include "net/loop.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>
#include <uv.h>

/* Callbacks of one turn of the loop: a thousand questions whose time is over at once hold nobody else up. */
enum { TURN_MAX = 32 };

struct unbound_base {
    struct ub_event_base ub; /* first: libunbound hands this back */
    int epoll;
    uv_poll_t poll;     /* of `epoll` */
    uv_timer_t timer;   /* fires at the earliest of `timers` or before it */
    struct list timers; /* of struct event, unordered: there are few */
    unsigned closing;   /* handles that libuv has not let go of */
};

struct event {
    struct ub_event ub; /* first */
    struct unbound_base *base;
    int fd;
    short bits;
    void (*cb)(int fd, short bits, void *arg);
    void *arg;
    bool watching;
    uint64_t due, interval; /* ms; interval is what a persistent event is armed with again */
    struct list timer;
};

static uint32_t epoll_bits(short bits) {
    return ((bits & UB_EV_READ) != 0 ? (uint32_t)EPOLLIN : 0) | ((bits & UB_EV_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0);
}

static void event_unwatch(struct event *e) {
    if (e->watching) (void)epoll_ctl(e->base->epoll, EPOLL_CTL_DEL, e->fd, NULL);
    e->watching = false;
}

static void timer_came(uv_timer_t *timer);

static void event_arm_timer(struct event *e, const struct timeval *after) {
    list_remove(&e->timer);
    if (after == NULL) return;
    e->interval = (uint64_t)after->tv_sec * 1000 + (uint64_t)(after->tv_usec + 999) / 1000;
    e->due = loop_now_ms() + e->interval;
    list_push_back(&e->base->timers, &e->timer);
    uv_timer_t *timer = &e->base->timer;
    if (!uv_is_active((uv_handle_t *)timer) || uv_timer_get_due_in(timer) > e->interval) {
        (void)uv_timer_start(timer, timer_came, e->interval, 0);
    }
}

static void event_add_bits(struct ub_event *ev, short bits) {
    ((struct event *)ev)->bits |= bits;
}

static void event_del_bits(struct ub_event *ev, short bits) {
    ((struct event *)ev)->bits &= (short)~bits;
}

static void event_set_fd(struct ub_event *ev, int fd) {
    ((struct event *)ev)->fd = fd;
}

static int event_del(struct ub_event *ev) {
    struct event *e = (struct event *)ev;
    event_unwatch(e);
    list_remove(&e->timer);
    return 0;
}

static void event_free(struct ub_event *ev) {
    (void)event_del(ev);
    free(ev);
}

static int event_add(struct ub_event *ev, struct timeval *after) {
    struct event *e = (struct event *)ev;
    event_unwatch(e);
    if (e->fd >= 0 && (e->bits & (UB_EV_READ | UB_EV_WRITE)) != 0) {
        struct epoll_event want = {.events = epoll_bits(e->bits), .data.ptr = e};
        if (epoll_ctl(e->base->epoll, EPOLL_CTL_ADD, e->fd, &want) != 0) return -1;
        e->watching = true;
    }
    event_arm_timer(e, after);
    return 0;
}

static int event_add_timer(struct ub_event *ev, struct ub_event_base *base, void (*cb)(int, short, void *), void *arg,
                           struct timeval *after) {
    struct event *e = (struct event *)ev;
    (void)base;
    e->cb = cb;
    e->arg = arg;
    event_arm_timer(e, after);
    return 0;
}

static int event_del_timer(struct ub_event *ev) {
    list_remove(&((struct event *)ev)->timer);
    return 0;
}

static int event_no_signal_add(struct ub_event *ev, struct timeval *after) {
    (void)ev, (void)after;
    return -1;
}

static int event_no_signal_del(struct ub_event *ev) {
    (void)ev;
    return -1;
}

static struct ub_event_vmt event_vmt = {
    .add_bits = event_add_bits,
    .del_bits = event_del_bits,
    .set_fd = event_set_fd,
    .free = event_free,
    .add = event_add,
    .del = event_del,
    .add_timer = event_add_timer,
    .del_timer = event_del_timer,
    .add_signal = event_no_signal_add,
    .del_signal = event_no_signal_del,
};

static struct ub_event *base_new_event(struct ub_event_base *ub, int fd, short bits, void (*cb)(int, short, void *),
                                       void *arg) {
    struct event *e = calloc(1, sizeof *e);
    if (e == NULL) return NULL;
    e->ub = (struct ub_event){.magic = UB_EVENT_MAGIC, .vmt = &event_vmt};
    e->base = (struct unbound_base *)ub;
    e->fd = fd;
    e->bits = bits;
    e->cb = cb;
    e->arg = arg;
    list_init(&e->timer);
    return &e->ub;
}

static struct ub_event *base_no_signal(struct ub_event_base *ub, int fd, void (*cb)(int, short, void *), void *arg) {
    (void)ub, (void)fd, (void)cb, (void)arg;
    return NULL;
}

static void base_never_freed(struct ub_event_base *ub) {
    (void)ub; /* unbound_base_free does it */
}

static int base_no_dispatch(struct ub_event_base *ub) {
    (void)ub;
    return -1;
}

static int base_no_exit(struct ub_event_base *ub, struct timeval *after) {
    (void)ub, (void)after;
    return 0;
}

static struct ub_event_base_vmt base_vmt = {
    .free = base_never_freed,
    .dispatch = base_no_dispatch,
    .loopexit = base_no_exit,
    .new_event = base_new_event,
    .new_signal = base_no_signal,
};

/* Fires one ready descriptor; false when there is none. */
static bool base_fire_descriptor(struct unbound_base *b) {
    struct epoll_event ready;
    if (epoll_wait(b->epoll, &ready, 1, 0) != 1) return false;
    struct event *e = ready.data.ptr;
    bool failed = (ready.events & (EPOLLERR | EPOLLHUP)) != 0;
    short bits = 0;
    if ((ready.events & EPOLLIN) != 0 || failed) bits |= UB_EV_READ;
    if ((ready.events & EPOLLOUT) != 0 || failed) bits |= UB_EV_WRITE;
    bits &= e->bits;
    if ((e->bits & UB_EV_PERSIST) == 0) {
        (void)event_del(&e->ub);
    } else if (!list_empty(&e->timer)) {
        e->due = loop_now_ms() + e->interval;
    }
    e->cb(e->fd, bits, e->arg);
    return true;
}

/* Fires one timer that is due; false when there is none, then `*next` is when the next one is. */
static bool base_fire_timer(struct unbound_base *b, uint64_t *next) {
    uint64_t now = loop_now_ms();
    *next = DEADLINE_NEVER;
    list_foreach(node, &b->timers) {
        struct event *e = list_entry(node, struct event, timer);
        if (e->due <= now) {
            (void)event_del(&e->ub);
            e->cb(e->fd, UB_EV_TIMEOUT, e->arg);
            return true;
        }
        if (e->due < *next) *next = e->due;
    }
    return false;
}

static void poll_came(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    for (unsigned n = 0; n < TURN_MAX && base_fire_descriptor(poll->data); n++) {
    }
}

static void timer_came(uv_timer_t *timer) {
    uint64_t next, now = loop_now_ms();
    unsigned n = 0;
    while (n < TURN_MAX && base_fire_timer(timer->data, &next)) n++;
    if (n == TURN_MAX) next = now;
    if (next != DEADLINE_NEVER) (void)uv_timer_start(timer, timer_came, next <= now ? 0 : next - now, 0);
}

struct call {
    void (*fn)(void *arg);
    void *arg;
    struct fiber *caller;
    bool done;
};

static void call_run(void *arg) {
    struct call *c = arg;
    c->fn(c->arg);
    c->done = true;
    fiber_wake(c->caller);
}

void unbound_call(void (*fn)(void *arg), void *arg) {
    struct call c = {.fn = fn, .arg = arg, .caller = fiber_self()};
    if (c.caller == NULL) {
        fn(arg);
        return;
    }
    loop_post(call_run, &c);
    while (!c.done) fiber_park_shielded();
}

int unbound_base_new(struct unbound_base **out, struct error *err) {
    struct unbound_base *b = calloc(1, sizeof *b);
    if (b == NULL) return error_set(err, ERR_NOMEM, "resolver: out of memory");
    b->ub = (struct ub_event_base){.magic = UB_EVENT_MAGIC, .vmt = &base_vmt};
    list_init(&b->timers);
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (b->epoll < 0 || uv_poll_init(loop_uv(), &b->poll, b->epoll) != 0) {
        if (b->epoll >= 0) close(b->epoll);
        free(b);
        return error_set(err, ERR_IO, "resolver: cannot make its event base");
    }
    (void)uv_timer_init(loop_uv(), &b->timer);
    b->poll.data = b->timer.data = b;
    (void)uv_poll_start(&b->poll, UV_READABLE, poll_came);
    *out = b;
    return 0;
}

struct ub_event_base *unbound_base_ub(struct unbound_base *b) {
    return &b->ub;
}

static void handle_closed(uv_handle_t *h) {
    struct unbound_base *b = h->data;
    if (--b->closing > 0) return;
    close(b->epoll);
    free(b);
}

void unbound_base_free(struct unbound_base *b) {
    if (b == NULL) return;
    b->closing = 2;
    uv_close((uv_handle_t *)&b->poll, handle_closed);
    uv_close((uv_handle_t *)&b->timer, handle_closed);
}

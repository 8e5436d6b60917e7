/* Calls from other threads onto the loop's thread: a locked list and, only when the loop sleeps, an eventfd. The
 * eventfd is watched edge-triggered and never read: each write is an edge. */
#include "net/loop_private.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    struct post *first, **last;
    int eventfd;
    atomic_bool pending;  /* the list is not empty; looked at without the lock */
    atomic_bool sleeping; /* the loop waits: wake it */
} posts = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &posts.first, .eventfd = -1};

int posts_init(int epoll, struct error *err) {
    posts.eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (posts.eventfd < 0) return error_set(err, ERR_IO, "eventfd: %s", strerror(errno));
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.ptr = &posts};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, posts.eventfd, &ev) != 0) {
        close(posts.eventfd);
        return error_set(err, ERR_IO, "epoll_ctl: %s", strerror(errno));
    }
    return 0;
}

void posts_done(void) {
    posts_run();
    close(posts.eventfd);
    posts.eventfd = -1;
}

bool posts_is(const void *watched) {
    return watched == &posts;
}

void post_node(struct post *p) {
    p->next = NULL;
    pthread_mutex_lock(&posts.lock);
    *posts.last = p;
    posts.last = &p->next;
    atomic_store(&posts.pending, true);
    pthread_mutex_unlock(&posts.lock);
    if (atomic_exchange(&posts.sleeping, false)) {
        uint64_t one = 1;
        while (write(posts.eventfd, &one, sizeof one) < 0 && errno == EINTR) {
        }
    }
}

void loop_post(void (*fn)(void *arg), void *arg) {
    struct post *p = malloc(sizeof *p);
    IEMS_ASSERT(p != NULL);
    *p = (struct post){.fn = fn, .arg = arg, .heap = true};
    post_node(p);
}

void posts_run(void) {
    if (!atomic_load(&posts.pending)) return;
    pthread_mutex_lock(&posts.lock);
    struct post *p = posts.first;
    posts.first = NULL;
    posts.last = &posts.first;
    atomic_store(&posts.pending, false);
    pthread_mutex_unlock(&posts.lock);
    while (p != NULL) {
        struct post *next = p->next; /* fn may free a node that it owns */
        void (*fn)(void *) = p->fn;
        void *arg = p->arg;
        if (p->heap) free(p);
        fn(arg);
        p = next;
    }
}

bool posts_sleep(void) {
    atomic_store(&posts.sleeping, true);
    if (!atomic_load(&posts.pending)) return true;
    atomic_store(&posts.sleeping, false);
    return false;
}

void posts_awake(void) {
    atomic_store(&posts.sleeping, false);
}

/* A small pool of threads for libraries that block. Threads are made when the first work comes (inside the jail) and
 * take no signals. A work item lies on the stack of the fiber that waits for it. */
#include "net/fiber_private.h"
#include "net/loop_private.h"

#include <pthread.h>
#include <signal.h>

enum { WORKERS_DEFAULT = 4, WORKERS_MAX = 64 };

struct work {
    struct list node;
    struct post done_post;
    void (*fn)(void *arg);
    void *arg;
    struct fiber *fiber;
    bool done;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct list queue;
    pthread_t threads[WORKERS_MAX];
    unsigned wanted, count, idle, queued;
    bool stop;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .changed = PTHREAD_COND_INITIALIZER,
          .queue = LIST_INIT(pool.queue),
          .wanted = WORKERS_DEFAULT};

static void work_finished(void *arg) {
    struct work *w = arg;
    w->done = true;
    fiber_wake(w->fiber);
}

static void *worker(void *unused) {
    (void)unused;
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        struct list *node = list_pop_front(&pool.queue);
        if (node != NULL) {
            pool.queued--;
            pthread_mutex_unlock(&pool.lock);
            struct work *w = list_entry(node, struct work, node);
            w->fn(w->arg);
            post_node(&w->done_post);
            pthread_mutex_lock(&pool.lock);
        } else if (pool.stop) {
            break;
        } else {
            pool.idle++;
            pthread_cond_wait(&pool.changed, &pool.lock);
            pool.idle--;
        }
    }
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

/* One more thread when all are busy and there may be more. False when there is none at all. */
static bool pool_grow(void) {
    if (pool.idle > pool.queued || pool.count >= pool.wanted) return pool.count > 0;
    sigset_t all, old;
    sigfillset(&all);
    sigdelset(&all, SIGSYS); /* a violation of the jail is told by its handler, in the thread that made it */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (pthread_create(&pool.threads[pool.count], NULL, worker, NULL) == 0) pool.count++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return pool.count > 0;
}

void work_set_threads(unsigned threads) {
    IEMS_ASSERT(threads > 0);
    pthread_mutex_lock(&pool.lock);
    pool.wanted = threads > WORKERS_MAX ? WORKERS_MAX : threads;
    pthread_mutex_unlock(&pool.lock);
}

int work_run(void (*fn)(void *arg), void *arg) {
    struct work w = {.fn = fn, .arg = arg, .fiber = fiber_self()};
    IEMS_ASSERT(w.fiber != NULL);
    w.done_post = (struct post){.fn = work_finished, .arg = &w};
    pthread_mutex_lock(&pool.lock);
    bool workers = pool_grow();
    if (workers) {
        list_push_back(&pool.queue, &w.node);
        pool.queued++;
        pthread_cond_signal(&pool.changed);
    }
    pthread_mutex_unlock(&pool.lock);
    if (!workers) return ERR_NOMEM;
    while (!w.done) fiber_park_shielded();
    return 0;
}

void work_done(void) {
    pthread_mutex_lock(&pool.lock);
    pool.stop = true;
    pthread_cond_broadcast(&pool.changed);
    pthread_mutex_unlock(&pool.lock);
    for (unsigned i = 0; i < pool.count; i++) pthread_join(pool.threads[i], NULL);
    pool.count = 0;
    pool.stop = false;
}

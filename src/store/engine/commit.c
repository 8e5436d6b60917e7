#include "store/engine/commit.h"

#include "base/clock.h"
#include "base/list.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
    GROUP_MAX = 512,
    GROUP_BYTES = 4 * 1024 * 1024,
    WORKERS = 2,
    BESIDE_OPS = 32, /* so much waits that it is written while a sync runs */
    BESIDE_BYTES = 64 * 1024,
};

const unsigned commit_latency_us[COMMIT_LATENCY_BUCKETS - 1] = {100,   250,   500,    1000,   2500,   5000,
                                                                10000, 25000, 100000, 250000, 1000000};

struct op {
    struct list link;
    struct batch batch;
    uint64_t seq;
    enum commit_kind kind;
    int rc;
    commit_done done;
    void *arg;
};

struct waiter {
    struct list link;
    uint64_t seq;
    commit_done done;
    void *arg;
};

struct committer {
    struct commit_config cfg;
    pthread_t workers[WORKERS];
    size_t started;

    pthread_mutex_t lock; /* guards what follows, up to the next comment */
    pthread_cond_t work;
    struct list queue; /* ops to write */
    size_t queued, queued_bytes;
    struct list unsynced;  /* durable ops that are written */
    struct list completed; /* for the loop thread */
    uint64_t written, synced;
    uint64_t want_min, want_max; /* a sync is wanted, if want_max > synced, as soon as want_min is written */
    uint64_t lazy_at_ms;         /* monotonic time of the lazy sync; 0 = all is synced */
    uint64_t shared_max;         /* the last SHARED op that is written */
    uint64_t shared_at_ms;       /* when those that are not synced are, at the latest; 0 = there are none */
    uint64_t applied_wanted;     /* the loop thread waits until this is written */
    bool writing, syncing;       /* a worker is at it; never two of them */
    bool stopping, posted;
    int failed;
    struct error error;
    struct commit_stats stats;

    uint64_t last, applied, durable; /* loop thread only, from here */
    bool kick;                       /* the workers are to be told of work at the end of the turn */
    struct list durable_waiters, applied_waiters;
    bool failure_told;
};

static void drain(void *arg);

/* With the lock held. */
static void post_drain(struct committer *c) {
    if (c->posted || c->stopping) return;
    c->posted = true;
    c->cfg.post(drain, c);
}

/* With the lock held. */
static void fail(struct committer *c, int rc, const struct error *e) {
    if (c->failed != 0) return;
    c->failed = rc;
    c->error = *e;
    post_drain(c);
}

/* With the lock held. */
static void want_sync(struct committer *c, uint64_t seq) {
    if (seq <= c->synced) return;
    if (c->want_max <= c->synced || seq < c->want_min) c->want_min = seq;
    if (seq > c->want_max) c->want_max = seq;
}

/* With the lock held. */
static void want_shared(struct committer *c, uint64_t seq) {
    c->shared_max = seq;
    if (c->shared_at_ms == 0) c->shared_at_ms = clock_mono_ms() + COMMIT_SHARED_MS;
}

/* With the lock held: takes ops for one write. */
static size_t take_group(struct committer *c, struct op **group) {
    size_t n = 0, bytes = 0;
    while (n < GROUP_MAX && bytes < GROUP_BYTES && !list_empty(&c->queue)) {
        struct op *o = list_entry(list_pop_front(&c->queue), struct op, link);
        bytes += o->batch.ops.len;
        group[n++] = o;
    }
    c->queued -= n;
    c->queued_bytes -= bytes;
    c->stats.bytes += bytes;
    return n;
}

static int write_group(struct committer *c, struct op **group, size_t n, struct error *err) {
    const struct batch *list[GROUP_MAX];
    int results[GROUP_MAX];
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (!batch_empty(&group[i]->batch)) list[m++] = &group[i]->batch;
    int rc = m == 0 ? 0 : engine_write(c->cfg.engine, list, m, results, err);
    for (size_t i = 0, k = 0; i < n && rc == 0; i++)
        if (!batch_empty(&group[i]->batch)) group[i]->rc = results[k++];
    for (size_t i = 0; i < n; i++) batch_done(&group[i]->batch);
    return rc;
}

/* With the lock held: what becomes of ops that are written. The loop thread is woken only for what it waits for. */
static void group_written(struct committer *c, struct op **group, size_t n) {
    bool tell = c->applied_wanted > c->written;
    for (size_t i = 0; i < n; i++) {
        struct op *o = group[i];
        if (o->kind != COMMIT_RELAXED) {
            list_push_back(&c->unsynced, &o->link);
            if (o->kind == COMMIT_DURABLE)
                want_sync(c, o->seq);
            else
                want_shared(c, o->seq);
        } else {
            list_push_back(&c->completed, &o->link);
            tell = true;
        }
    }
    c->written = group[n - 1]->seq;
    c->stats.batches += n;
    c->stats.writes++;
    if (c->lazy_at_ms == 0) c->lazy_at_ms = clock_mono_ms() + COMMIT_LAZY_MS;
    if (tell) post_drain(c);
}

static void group_failed(struct committer *c, struct op **group, size_t n, int rc, const struct error *err) {
    fail(c, rc, err);
    for (size_t i = 0; i < n; i++) {
        batch_done(&group[i]->batch);
        free(group[i]);
    }
}

/* With the lock held: there is something to write, now. A second thread that writes beside a sync costs two changes of
 * threads: only much is worth them. The little that comes during a sync waits for its end and makes one write. */
static bool is_much(const struct committer *c) {
    return c->queued >= BESIDE_OPS || c->queued_bytes >= BESIDE_BYTES;
}

static bool write_due(const struct committer *c) {
    return !c->writing && !list_empty(&c->queue) && (!c->syncing || is_much(c));
}

/* With the lock held. */
static void write_some(struct committer *c) {
    struct op *group[GROUP_MAX];
    size_t n = take_group(c, group);
    IEMS_ASSERT(n > 0);
    bool failed = c->failed != 0;
    c->writing = true;
    pthread_mutex_unlock(&c->lock);
    struct error err = {0};
    int rc = failed ? ERR_IO : write_group(c, group, n, &err);
    pthread_mutex_lock(&c->lock);
    c->writing = false;
    if (rc == 0)
        group_written(c, group, n);
    else
        group_failed(c, group, n, rc, &err);
}

static void count_latency(struct commit_stats *s, uint64_t us) {
    int i = 0;
    while (i < COMMIT_LATENCY_BUCKETS - 1 && us >= commit_latency_us[i]) i++;
    s->sync_latency[i]++;
    s->sync_us += us;
    s->syncs++;
}

/* With the lock held: when a sync is due that nobody waits for; 0 = never. */
static uint64_t sync_time(const struct committer *c) {
    return c->shared_at_ms != 0 && c->shared_at_ms < c->lazy_at_ms ? c->shared_at_ms : c->lazy_at_ms;
}

/* With the lock held: somebody waits for what is written, or it has waited long enough. */
static bool sync_due(const struct committer *c) {
    if (c->written <= c->synced || c->failed != 0) return false;
    if (c->want_max > c->synced && c->written >= c->want_min) return true;
    if (c->stopping && list_empty(&c->queue) && !c->writing) return true;
    uint64_t at = sync_time(c);
    return at != 0 && clock_mono_ms() >= at;
}

/* With the lock held. */
static void group_synced(struct committer *c, uint64_t upto) {
    c->synced = upto;
    c->want_min = upto + 1;
    c->lazy_at_ms = c->written > upto ? clock_mono_ms() + COMMIT_LAZY_MS : 0;
    c->shared_at_ms = c->shared_max > upto ? clock_mono_ms() + COMMIT_SHARED_MS : 0;
    while (!list_empty(&c->unsynced)) {
        struct op *o = list_entry(list_first(&c->unsynced), struct op, link);
        if (o->seq > upto) break;
        list_remove(&o->link);
        list_push_back(&c->completed, &o->link);
    }
    post_drain(c);
}

/* With the lock held. */
static void sync_all(struct committer *c) {
    uint64_t upto = c->written;
    c->syncing = true;
    pthread_mutex_unlock(&c->lock);
    struct error err = {0};
    uint64_t start = clock_mono_us();
    int rc = engine_sync(c->cfg.engine, &err);
    uint64_t us = clock_mono_us() - start;
    pthread_mutex_lock(&c->lock);
    c->syncing = false;
    count_latency(&c->stats, us);
    if (rc == 0)
        group_synced(c, upto);
    else
        fail(c, rc, &err);
}

/* With the lock held: there is nothing to do now. */
static void rest(struct committer *c) {
    uint64_t ms = sync_time(c);
    if (ms == 0 || c->syncing || c->failed != 0) {
        pthread_cond_wait(&c->work, &c->lock);
        return;
    }
    struct timespec at = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    pthread_cond_timedwait(&c->work, &c->lock, &at);
}

/* Both workers do the same: write what waits, else sync what is due. So one batch is written and synced without a
 * change of threads, and while one syncs the other writes if much waits. Who leaves work behind wakes the other. */
static void *worker_main(void *arg) {
    struct committer *c = arg;
    bool wrote = false; /* since this one's last sync: no more than that goes before the next */
    pthread_mutex_lock(&c->lock);
    for (;;) {
        bool work = write_due(c), due = !c->syncing && sync_due(c);
        if (work && due && is_much(c)) pthread_cond_signal(&c->work);
        if (work && !(due && wrote)) {
            write_some(c);
            wrote = true;
        } else if (due) {
            wrote = false;
            sync_all(c);
        } else if (c->stopping) {
            break; /* what is under way, the other ends */
        } else {
            rest(c);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void run_waiters(struct list *waiters, uint64_t seq) {
    struct list ready;
    list_init(&ready);
    list_foreach_safe(it, waiters) {
        if (list_entry(it, struct waiter, link)->seq > seq) continue;
        list_remove(it);
        list_push_back(&ready, it);
    }
    for (struct list *it; (it = list_pop_front(&ready)) != NULL;) {
        struct waiter *w = list_entry(it, struct waiter, link);
        w->done(w->arg, 0);
        free(w);
    }
}

/* On the loop thread: delivers what was completed. */
static void drain(void *arg) {
    struct committer *c = arg;
    struct list done;
    list_init(&done);
    pthread_mutex_lock(&c->lock);
    c->posted = false;
    bool work = c->kick && write_due(c);
    c->kick = false;
    for (struct list *it; (it = list_pop_front(&c->completed)) != NULL;) list_push_back(&done, it);
    c->applied = c->written;
    c->durable = c->synced;
    int failed = c->failed;
    pthread_mutex_unlock(&c->lock);
    if (work) pthread_cond_signal(&c->work); /* not under the lock, which the woken would wait for */
    for (struct list *it; (it = list_pop_front(&done)) != NULL;) {
        struct op *o = list_entry(it, struct op, link);
        if (o->done != NULL) o->done(o->arg, o->rc);
        free(o);
    }
    run_waiters(&c->applied_waiters, c->applied);
    run_waiters(&c->durable_waiters, c->durable);
    if (failed != 0 && !c->failure_told) {
        c->failure_told = true;
        c->cfg.failed(failed, c->error.text, c->cfg.arg);
    }
}

int committer_new(const struct commit_config *cfg, struct committer **out) {
    struct committer *c = calloc(1, sizeof *c);
    if (c == NULL) return ERR_NOMEM;
    c->cfg = *cfg;
    list_init(&c->queue);
    list_init(&c->unsynced);
    list_init(&c->completed);
    list_init(&c->durable_waiters);
    list_init(&c->applied_waiters);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_t mono;
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&c->work, &mono);
    pthread_condattr_destroy(&mono);
    while (c->started < WORKERS && pthread_create(&c->workers[c->started], NULL, worker_main, c) == 0) c->started++;
    if (c->started < WORKERS) {
        committer_free(c);
        return ERR_NOMEM;
    }
    *out = c;
    return 0;
}

static void free_ops(struct list *l) {
    for (struct list *it; (it = list_pop_front(l)) != NULL;) {
        struct op *o = list_entry(it, struct op, link);
        batch_done(&o->batch);
        free(o);
    }
}

static void free_waiters(struct list *l) {
    for (struct list *it; (it = list_pop_front(l)) != NULL;) free(list_entry(it, struct waiter, link));
}

void committer_free(struct committer *c) {
    if (c == NULL) return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->work);
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; i < c->started; i++) pthread_join(c->workers[i], NULL);
    free_ops(&c->queue);
    free_ops(&c->unsynced);
    free_ops(&c->completed);
    free_waiters(&c->durable_waiters);
    free_waiters(&c->applied_waiters);
    pthread_cond_destroy(&c->work);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

uint64_t commit_submit(struct committer *c, struct batch *b, enum commit_kind kind, commit_done done, void *arg) {
    IEMS_ASSERT(batch_error(b) == 0);
    struct op *o = calloc(1, sizeof *o);
    IEMS_ASSERT(o != NULL);
    o->batch = *b;
    batch_init(b);
    o->kind = kind;
    o->done = done;
    o->arg = arg;
    o->seq = ++c->last;
    uint64_t seq = o->seq;
    pthread_mutex_lock(&c->lock);
    list_push_back(&c->queue, &o->link);
    c->queued++;
    c->queued_bytes += o->batch.ops.len;
    if (!c->kick && write_due(c)) { /* what the loop submits in this turn goes into one write */
        c->kick = true;
        post_drain(c);
    }
    pthread_mutex_unlock(&c->lock);
    return seq;
}

static void wait_add(struct list *waiters, uint64_t seq, commit_done done, void *arg) {
    struct waiter *w = calloc(1, sizeof *w);
    IEMS_ASSERT(w != NULL);
    *w = (struct waiter){.seq = seq, .done = done, .arg = arg};
    list_push_back(waiters, &w->link);
}

void commit_barrier(struct committer *c, uint64_t seq, commit_done done, void *arg) {
    IEMS_ASSERT(seq <= c->last);
    if (seq <= c->durable) {
        done(arg, 0);
        return;
    }
    wait_add(&c->durable_waiters, seq, done, arg);
    pthread_mutex_lock(&c->lock);
    want_sync(c, seq);
    bool wake = !c->syncing && !c->writing;
    pthread_mutex_unlock(&c->lock);
    if (wake) pthread_cond_signal(&c->work);
}

void commit_applied_wait(struct committer *c, uint64_t seq, commit_done done, void *arg) {
    IEMS_ASSERT(seq <= c->last);
    if (seq <= c->applied) {
        done(arg, 0);
        return;
    }
    wait_add(&c->applied_waiters, seq, done, arg);
    pthread_mutex_lock(&c->lock);
    if (seq > c->applied_wanted) c->applied_wanted = seq;
    if (seq <= c->written) post_drain(c);
    pthread_mutex_unlock(&c->lock);
}

uint64_t commit_last(const struct committer *c) {
    return c->last;
}

uint64_t commit_applied(const struct committer *c) {
    return c->applied;
}

uint64_t commit_durable(const struct committer *c) {
    return c->durable;
}

void commit_get_stats(struct committer *c, struct commit_stats *out) {
    pthread_mutex_lock(&c->lock);
    *out = c->stats;
    pthread_mutex_unlock(&c->lock);
}

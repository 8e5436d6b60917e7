#include "store/service/fold.h"

#include "store/service/private.h"

#include <stdlib.h>
#include <string.h>

enum { FOLD_AFTER_MS = 200, SLICE = 1000 };

struct fold {
    struct list link;
    struct folder *f; /* pinned, and its account */
    uint64_t modseq;
    struct uid_run *run;
    size_t count, at; /* runs; the first that is not written whole, cut to what is left of it */
};

void folds_init(struct folds *all) {
    list_init(&all->pending);
    all->after_ms = FOLD_AFTER_MS;
    cond_init(&all->hurry);
    cond_init(&all->done);
}

static void record_key(struct key *k, uint64_t folder, uint64_t modseq) {
    *k = key_of_id(KEY_FLAG_RUNS, folder);
    key_u64(k, modseq);
}

static void put_record(struct batch *b, const struct fold *x, const struct flag_change *change) {
    struct key k;
    BUF_AUTO v = BUF_INIT(FOLD_RUNS_MAX * 8 + 64);
    record_key(&k, x->f->id, x->modseq);
    wire_u64(&v, change->keep);
    wire_u64(&v, change->set);
    for (size_t i = 0; i < x->count; i++) {
        wire_u32(&v, x->run[i].first);
        wire_u32(&v, x->run[i].last);
    }
    IEMS_ASSERT(v.error == 0);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

/* Writes at most `max` messages; true: that was all, and the record goes. Messages that were expunged are not there any
 * more; of those that were changed again the newest is written. With `newest` only those that were not: all records of
 * the folder go in this batch, and each message is in it once. */
static bool write_some(struct fold *x, struct batch *b, size_t max, bool newest) {
    struct folder *f = x->f;
    size_t n = 0;
    for (; x->at < x->count; x->at++) {
        struct uid_run *run = &x->run[x->at];
        size_t i = folder_find(f, run->first);
        for (; i < f->count && f->list[i].uid <= run->last; i++) {
            if (n++ == max) {
                run->first = f->list[i].uid;
                return false;
            }
            if (!newest || f->list[i].modseq == x->modseq) folder_put_flags(f, b, &f->list[i]);
        }
    }
    struct key k;
    record_key(&k, f->id, x->modseq);
    batch_delete(b, SPACE_META, key_str(&k));
    return true;
}

static void take_off(struct folds *all, struct fold *x) {
    list_remove(&x->link);
    all->count--;
}

static void fold_free(struct fold *x) {
    struct account *a = x->f->account;
    folder_unload(x->f);
    account_unpin(a);
    free(x->run);
    free(x);
}

/* --- in the background */
static void fold_fiber(void *arg) {
    struct service *s = arg;
    struct folds *all = &s->folds;
    if (all->held == 0 && !s->closing) (void)!cond_wait(&all->hurry, loop_now_ms() + all->after_ms);
    for (struct list *it; (it = list_first(&all->pending)) != NULL;) {
        struct fold *x = list_entry(it, struct fold, link);
        struct batch b;
        batch_init(&b);
        bool whole = write_some(x, &b, SLICE, false);
        if (whole) take_off(all, x);
        int rc = store_commit(s->st, &b, COMMIT_RELAXED, NULL); /* one that is not whole may be gone afterwards */
        batch_done(&b);
        if (whole) fold_free(x);
        if (rc != 0) break; /* the store ends; the next start goes on */
    }
    all->fiber = NULL;
    cond_broadcast(&all->done);
    s->requests--;
}

static void start(struct service *s) {
    struct folds *all = &s->folds;
    if (all->fiber != NULL || list_empty(&all->pending)) return;
    s->requests++;
    if (fiber_spawn("fold", fold_fiber, s, &all->fiber) == 0) return;
    all->fiber = NULL; /* the next one starts it */
    s->requests--;
}

void folds_stop(struct service *s) {
    cond_signal(&s->folds.hurry);
}

/* --- for changes of flags */
bool fold_may(const struct service *s, const struct folder *f, size_t messages, size_t runs) {
    return messages >= FOLD_MIN && f->count <= FOLD_LIST_MAX && runs <= messages / FOLD_RUN && runs <= FOLD_RUNS_MAX &&
           s->folds.held == 0 && s->folds.count < FOLDS_MAX && !s->closing;
}

void fold_add(struct service *s, struct batch *b, struct folder *f, uint64_t modseq, const struct flag_change *change,
              const struct uid_run *runs, size_t count) {
    struct fold *x = calloc(1, sizeof *x);
    IEMS_ASSERT(x != NULL && f->heat == FOLDER_HOT);
    *x = (struct fold){.f = f, .modseq = modseq, .count = count, .run = malloc((count + 1) * sizeof *x->run)};
    IEMS_ASSERT(x->run != NULL);
    memcpy(x->run, runs, count * sizeof *runs);
    folder_hold(f);
    put_record(b, x, change);
    list_push_back(&s->folds.pending, &x->link);
    s->folds.count++;
    start(s);
}

void folds_flush(struct service *s, struct batch *b, struct folder *f) {
    list_foreach_safe(it, &s->folds.pending) {
        struct fold *x = list_entry(it, struct fold, link);
        if (x->f != f) continue;
        (void)write_some(x, b, SIZE_MAX, true);
        take_off(&s->folds, x);
        fold_free(x);
    }
}

int folds_hold(struct service *s) {
    int rc = 0;
    s->folds.held++;
    start(s);
    cond_signal(&s->folds.hurry);
    while (rc == 0 && s->folds.fiber != NULL) rc = cond_wait(&s->folds.done, DEADLINE_NEVER);
    if (rc == 0 && !list_empty(&s->folds.pending)) rc = ERR_NOMEM;
    if (rc != 0) s->folds.held--;
    return rc;
}

void folds_release(struct service *s) {
    s->folds.held--;
}

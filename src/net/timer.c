/* Timers and signals of the loop, on libuv. */
#include "net/loop_private.h"

#include <stdlib.h>
#include <uv.h>

struct loop_timer {
    uv_timer_t uv;
    struct list node;
    void (*fn)(void *arg);
    void *arg;
};

struct signal_watch {
    uv_signal_t uv;
    struct list node;
    void (*fn)(int signum, void *arg);
    void *arg;
};

static struct list timers = LIST_INIT(timers), signals = LIST_INIT(signals);

static void timer_fired(uv_timer_t *uv) {
    struct loop_timer *t = uv->data;
    t->fn(t->arg);
}

struct loop_timer *loop_timer_new(uint64_t first_ms, uint64_t repeat_ms, void (*fn)(void *arg), void *arg) {
    struct loop_timer *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->fn = fn;
    t->arg = arg;
    (void)uv_timer_init(loop_uv(), &t->uv);
    t->uv.data = t;
    list_push_back(&timers, &t->node);
    (void)uv_timer_start(&t->uv, timer_fired, first_ms, repeat_ms);
    return t;
}

static void timer_closed(uv_handle_t *h) {
    free(h->data);
}

void loop_timer_free(struct loop_timer *t) {
    if (t == NULL) return;
    list_remove(&t->node);
    uv_close((uv_handle_t *)&t->uv, timer_closed);
}

void timers_done(void) {
    list_foreach_safe(node, &timers) loop_timer_free(list_entry(node, struct loop_timer, node));
}

static void signal_came(uv_signal_t *uv, int signum) {
    struct signal_watch *w = uv->data;
    w->fn(signum, w->arg);
}

static void signal_closed(uv_handle_t *h) {
    free(h->data);
}

int loop_on_signal(int signum, void (*fn)(int signum, void *arg), void *arg) {
    struct signal_watch *w = calloc(1, sizeof *w);
    if (w == NULL) return ERR_NOMEM;
    w->fn = fn;
    w->arg = arg;
    if (uv_signal_init(loop_uv(), &w->uv) != 0) {
        free(w);
        return ERR_NOMEM;
    }
    w->uv.data = w;
    list_push_back(&signals, &w->node);
    if (uv_signal_start(&w->uv, signal_came, signum) == 0) return 0;
    list_remove(&w->node);
    uv_close((uv_handle_t *)&w->uv, signal_closed);
    return ERR_INVALID;
}

void signals_done(void) {
    list_foreach_safe(node, &signals) {
        struct signal_watch *w = list_entry(node, struct signal_watch, node);
        list_remove(&w->node);
        uv_close((uv_handle_t *)&w->uv, signal_closed);
    }
}

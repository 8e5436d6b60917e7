#include "store/engine/holes.h"

#include <stdlib.h>
#include <string.h>

struct hole {
    enum engine_space space;
    struct buf from, to;
};

void holes_init(struct holes *h) {
    *h = (struct holes){0};
    pthread_mutex_init(&h->lock, NULL);
}

void holes_done(struct holes *h) {
    for (size_t i = 0; i < h->count; i++) {
        buf_done(&h->list[i].from);
        buf_done(&h->list[i].to);
    }
    free(h->list);
    pthread_mutex_destroy(&h->lock);
}

/* How many begin at this place or before. */
static size_t begun(const struct holes *h, enum engine_space space, struct str at) {
    size_t low = 0, high = h->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct hole *x = &h->list[mid];
        if (x->space < space || (x->space == space && str_cmp(buf_str(&x->from), at) <= 0))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void insert(struct holes *h, size_t at, enum engine_space space, struct str from, struct str to) {
    struct hole x = {.space = space, .from = BUF_INIT(BATCH_KEY_MAX), .to = BUF_INIT(BATCH_KEY_MAX)};
    buf_add(&x.from, from);
    buf_add(&x.to, to);
    if (h->count % 64 == 0) {
        h->list = realloc(h->list, (h->count + 64) * sizeof *h->list);
        IEMS_ASSERT(h->list != NULL);
    }
    memmove(h->list + at + 1, h->list + at, (h->count - at) * sizeof *h->list);
    h->list[at] = x;
    h->count++;
}

void holes_add(struct holes *h, enum engine_space space, struct str from, struct str to) {
    pthread_mutex_lock(&h->lock);
    size_t at = begun(h, space, from);
    struct hole *next = at < h->count && h->list[at].space == space ? &h->list[at] : NULL;
    if (next != NULL && str_eq(buf_str(&next->to), to)) {
        buf_clear(&next->from);
        buf_add(&next->from, from);
    } else if (h->count < HOLES_MAX) {
        insert(h, at, space, from, to);
    }
    pthread_mutex_unlock(&h->lock);
}

bool holes_find(struct holes *h, enum engine_space space, struct str at, struct buf *to) {
    bool found = false;
    pthread_mutex_lock(&h->lock);
    size_t i = begun(h, space, at);
    if (i > 0 && h->list[i - 1].space == space) {
        struct str end = buf_str(&h->list[i - 1].to);
        found = end.len == 0 || str_cmp(at, end) < 0;
        buf_clear(to);
        if (found) buf_add(to, end);
    }
    pthread_mutex_unlock(&h->lock);
    return found;
}

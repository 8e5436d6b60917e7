#include "store/queue/due.h"

#include "base/buf.h"

#include <stdlib.h>

static bool before(const struct due_item *a, const struct due_item *b) {
    return a->at != b->at ? a->at < b->at : a->id < b->id;
}

void due_times_init(struct due_times *t) {
    *t = (struct due_times){.horizon = {INT64_MAX, UINT64_MAX}};
}

void due_times_done(struct due_times *t) {
    free(t->heap);
    due_times_init(t);
}

static void heap_up(struct due_times *t, size_t i) {
    struct due_item item = t->heap[i];
    for (; i > 0 && before(&item, &t->heap[(i - 1) / 2]); i = (i - 1) / 2) t->heap[i] = t->heap[(i - 1) / 2];
    t->heap[i] = item;
}

static void heap_down(struct due_times *t, size_t i) {
    struct due_item item = t->heap[i];
    for (size_t child; (child = 2 * i + 1) < t->count; i = child) {
        if (child + 1 < t->count && before(&t->heap[child + 1], &t->heap[child])) child++;
        if (!before(&t->heap[child], &item)) break;
        t->heap[i] = t->heap[child];
    }
    t->heap[i] = item;
}

static int compare(const void *a, const void *b) {
    return before(a, b) ? -1 : before(b, a);
}

/* The later half is left to the index. A sorted array is a heap. */
static void halve(struct due_times *t) {
    qsort(t->heap, t->count, sizeof *t->heap, compare);
    t->count /= 2;
    t->horizon = t->heap[t->count];
}

void due_times_add(struct due_times *t, int64_t at, uint64_t id) {
    struct due_item item = {at, id};
    if (!before(&item, &t->horizon)) return;
    if (t->count == DUE_TIMES_MAX) {
        halve(t);
        if (!before(&item, &t->horizon)) return;
    }
    if (t->count == t->cap) {
        t->cap = t->cap == 0 ? 64 : t->cap * 2;
        t->heap = realloc(t->heap, t->cap * sizeof *t->heap);
        IEMS_ASSERT(t->heap != NULL);
    }
    t->heap[t->count++] = item;
    heap_up(t, t->count - 1);
}

bool due_times_take(struct due_times *t, int64_t now, struct due_item *out) {
    if (t->count == 0 || t->heap[0].at > now) return false;
    *out = t->heap[0];
    t->heap[0] = t->heap[--t->count];
    if (t->count > 0) heap_down(t, 0);
    return true;
}

void due_times_merge(struct due_times *t, const struct due_times *from) {
    for (size_t i = 0; i < from->count; i++) due_times_add(t, from->heap[i].at, from->heap[i].id);
    if (before(&from->horizon, &t->horizon)) t->horizon = from->horizon;
}

int64_t due_times_next(const struct due_times *t) {
    int64_t at = t->horizon.at;
    return t->count > 0 && t->heap[0].at < at ? t->heap[0].at : at;
}

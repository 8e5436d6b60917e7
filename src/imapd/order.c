#include "imapd/order.h"

#include <stdlib.h>
#include <string.h>

enum { SLICE = 4096 };

struct merge {
    int (*compare)(const void *arg, uint32_t a, uint32_t b);
    const void *arg;
    void (*pause)(void);
    size_t moved;
};

static void merge(struct merge *m, const uint32_t *from, size_t left, size_t right, size_t end, uint32_t *to) {
    size_t i = left, j = right;
    for (size_t k = left; k < end; k++) {
        bool first = i < right && (j >= end || m->compare(m->arg, from[i], from[j]) <= 0);
        to[k] = first ? from[i++] : from[j++];
        if (++m->moved % SLICE == 0 && m->pause != NULL) m->pause();
    }
}

int order_sort(uint32_t *list, size_t count, int (*compare)(const void *arg, uint32_t a, uint32_t b), const void *arg,
               void (*pause)(void)) {
    struct merge m = {compare, arg, pause, 0};
    if (count < 2) return 0;
    uint32_t *other = malloc(count * sizeof *other), *from = list, *to = other;
    if (other == NULL) return ERR_NOMEM;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t at = 0; at < count; at += 2 * width) {
            size_t right = at + width < count ? at + width : count;
            size_t end = right + width < count ? right + width : count;
            merge(&m, from, at, right, end, to);
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != list) memcpy(list, from, count * sizeof *list);
    free(other);
    return 0;
}

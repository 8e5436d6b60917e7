/* See hops.h. */
#include "smtpc/hops.h"

#include "base/map.h"

#include <stdlib.h>

struct hop {
    uint64_t away_ms, tried_ms; /* since when, and when it was tried last */
};

struct hops {
    struct map *away; /* those that do not answer */
};

struct hops *hops_new(void) {
    struct hops *h = calloc(1, sizeof *h);
    if (h == NULL) return NULL;
    h->away = map_new(MAP_NOCASE);
    if (h->away != NULL) return h;
    free(h);
    return NULL;
}

void hops_free(struct hops *h) {
    if (h == NULL) return;
    map_free(h->away, free);
    free(h);
}

bool hops_skip(struct hops *h, struct str hop, const struct hops_times *t, uint64_t now_ms) {
    struct hop *x = map_get(h->away, hop);
    if (x == NULL || now_ms - x->away_ms < t->failover_ms) return false;
    if (now_ms - x->tried_ms < t->return_ms) return true;
    x->tried_ms = now_ms;
    return false;
}

bool hops_failed(struct hops *h, struct str hop, const struct hops_times *t, uint64_t now_ms) {
    struct hop *x = map_get(h->away, hop);
    if (x == NULL) {
        x = map_count(h->away) < HOPS_MAX ? calloc(1, sizeof *x) : NULL;
        if (x == NULL) return true;
        x->away_ms = now_ms;
        if (map_put(h->away, hop, x, NULL) != 0) {
            free(x);
            return true;
        }
    }
    x->tried_ms = now_ms;
    return now_ms - x->away_ms >= t->failover_ms;
}

bool hops_works(struct hops *h, struct str hop) {
    struct hop *x = map_count(h->away) == 0 ? NULL : map_remove(h->away, hop);
    free(x);
    return x != NULL;
}

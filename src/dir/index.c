#include "dir/index.h"

#include <stdlib.h>

enum { INDEX_FIRST = 16 };

void index_done(struct index *ix) {
    free(ix->slots);
    *ix = (struct index){0};
}

static void place(struct index_slot *slots, size_t cap, struct index_slot s) {
    size_t i = s.hash & (cap - 1);
    while (slots[i].item != NULL) i = (i + 1) & (cap - 1);
    slots[i] = s;
}

static int index_resize(struct index *ix, size_t cap) {
    struct index_slot *slots = calloc(cap, sizeof *slots);
    if (slots == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < ix->cap; i++) {
        if (ix->slots[i].item != NULL) place(slots, cap, ix->slots[i]);
    }
    free(ix->slots);
    ix->slots = slots;
    ix->cap = cap;
    return 0;
}

int index_add(struct index *ix, uint32_t hash, void *item, uint32_t aux) {
    IEMS_ASSERT(item != NULL);
    if ((ix->count + 1) * 4 > ix->cap * 3 && index_resize(ix, ix->cap == 0 ? INDEX_FIRST : ix->cap * 2) != 0) {
        return ERR_NOMEM;
    }
    place(ix->slots, ix->cap, (struct index_slot){item, hash, aux});
    ix->count++;
    return 0;
}

/* Closes the gap at `hole` by moving back what a look-up would no longer reach. */
static void close_gap(struct index *ix, size_t hole) {
    size_t mask = ix->cap - 1;
    for (size_t i = (hole + 1) & mask; ix->slots[i].item != NULL; i = (i + 1) & mask) {
        size_t home = ix->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        ix->slots[hole] = ix->slots[i];
        hole = i;
    }
    ix->slots[hole] = (struct index_slot){0};
}

void index_remove(struct index *ix, uint32_t hash, const void *item, uint32_t aux) {
    if (ix->cap == 0) return;
    size_t mask = ix->cap - 1;
    for (size_t i = hash & mask; ix->slots[i].item != NULL; i = (i + 1) & mask) {
        if (ix->slots[i].item != item || ix->slots[i].aux != aux) continue;
        close_gap(ix, i);
        ix->count--;
        return;
    }
}

const struct index_slot *index_next(const struct index *ix, uint32_t hash, size_t *pos) {
    if (ix->cap == 0) return NULL;
    size_t mask = ix->cap - 1;
    for (;; (*pos)++) {
        const struct index_slot *s = &ix->slots[*pos & mask];
        if (s->item == NULL) return NULL;
        if (s->hash != hash) continue;
        (*pos)++;
        return s;
    }
}

/* A compact hash index: 16 bytes a slot, keys stay where they are (inside the entries). Several items may have the same
 * key. Open addressing with linear probing and backward-shift deletion: no tombs. */
#ifndef IEMS_DIR_INDEX_H
#define IEMS_DIR_INDEX_H

#include "base/str.h"

struct index_slot {
    void *item; /* NULL = free */
    uint32_t hash;
    uint32_t aux; /* the owner's: e.g. where in the item the key stands */
};
struct index {
    struct index_slot *slots;
    size_t cap, count;
};

void index_done(struct index *ix);
NODISCARD int index_add(struct index *ix, uint32_t hash, void *item, uint32_t aux);
/* Removes the slot with exactly this content, if there. */
void index_remove(struct index *ix, uint32_t hash, const void *item, uint32_t aux);
/* Walks the slots that have `hash`: start with *pos = hash, NULL at the end. The caller compares keys. */
const struct index_slot *index_next(const struct index *ix, uint32_t hash, size_t *pos);

#endif

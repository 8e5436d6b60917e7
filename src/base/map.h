/* Hash map from bytes (or a u64) to a pointer. Open addressing; keys are copied into the map. */
#ifndef IEMS_BASE_MAP_H
#define IEMS_BASE_MAP_H

#include "base/str.h"

struct map;

enum map_keys { MAP_BYTES, MAP_NOCASE /* ASCII case is folded */ };

struct map *map_new(enum map_keys keys);
/* `free_value` may be NULL. */
void map_free(struct map *m, void (*free_value)(void *));
size_t map_count(const struct map *m);
void *map_get(const struct map *m, struct str key); /* NULL if there is none */
/* `value` must not be NULL. `*old` (may be NULL) gets what was there. ERR_NOMEM leaves the map as it was. */
NODISCARD int map_put(struct map *m, struct str key, void *value, void **old);
void *map_remove(struct map *m, struct str key); /* the removed value, or NULL */
/* Iteration in no order: start with *pos = 0; false at the end. The map must not change meanwhile,
 * but the element just given may be removed. */
bool map_next(const struct map *m, size_t *pos, struct str *key, void **value);

static inline struct str map_u64_key(const uint64_t *id) {
    return str_of(id, sizeof *id);
}

#endif

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    uint64_t hash;
    char *key; /* NULL: never used; TOMB: removed */
    size_t key_len;
    void *value;
};

static char tomb_mark;
#define TOMB (&tomb_mark)

struct map {
    struct slot *slots;
    size_t cap, count, filled; /* filled counts tombs too */
    enum map_keys keys;
};

struct map *map_new(enum map_keys keys) {
    struct map *m = calloc(1, sizeof *m);
    if (m != NULL) m->keys = keys;
    return m;
}

static bool slot_live(const struct slot *s) {
    return s->key != NULL && s->key != TOMB;
}

void map_free(struct map *m, void (*free_value)(void *)) {
    if (m == NULL) return;
    for (size_t i = 0; i < m->cap; i++) {
        if (!slot_live(&m->slots[i])) continue;
        free(m->slots[i].key);
        if (free_value != NULL) free_value(m->slots[i].value);
    }
    free(m->slots);
    free(m);
}

size_t map_count(const struct map *m) {
    return m->count;
}

static uint64_t key_hash(const struct map *m, struct str key) {
    return m->keys == MAP_NOCASE ? str_hash_nocase(key) : str_hash(key);
}

static bool key_eq(const struct map *m, struct str a, struct str b) {
    return m->keys == MAP_NOCASE ? str_eq_nocase(a, b) : str_eq(a, b);
}

static struct slot *find(const struct map *m, struct str key, uint64_t hash) {
    if (m->cap == 0) return NULL;
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct slot *s = &m->slots[i];
        if (s->key == NULL) return NULL;
        if (s->key != TOMB && s->hash == hash && key_eq(m, str_of(s->key, s->key_len), key)) return s;
    }
}

void *map_get(const struct map *m, struct str key) {
    struct slot *s = find(m, key, key_hash(m, key));
    return s == NULL ? NULL : s->value;
}

static int grow(struct map *m) {
    size_t cap = 16;
    while (cap < m->count * 4) cap *= 2;
    struct slot *slots = calloc(cap, sizeof *slots);
    if (slots == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < m->cap; i++) {
        if (!slot_live(&m->slots[i])) continue;
        size_t j = m->slots[i].hash & (cap - 1);
        while (slots[j].key != NULL) j = (j + 1) & (cap - 1);
        slots[j] = m->slots[i];
    }
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
    m->filled = m->count;
    return 0;
}

int map_put(struct map *m, struct str key, void *value, void **old) {
    IEMS_ASSERT(value != NULL);
    uint64_t hash = key_hash(m, key);
    struct slot *s = find(m, key, hash);
    if (s != NULL) {
        if (old != NULL) *old = s->value;
        s->value = value;
        return 0;
    }
    if ((m->filled + 1) * 4 > m->cap * 3 && grow(m) != 0) return ERR_NOMEM;
    char *copy = str_dup(key);
    if (copy == NULL) return ERR_NOMEM;
    size_t i = hash & (m->cap - 1);
    while (slot_live(&m->slots[i])) i = (i + 1) & (m->cap - 1);
    if (m->slots[i].key == NULL) m->filled++;
    m->slots[i] = (struct slot){hash, copy, key.len, value};
    m->count++;
    if (old != NULL) *old = NULL;
    return 0;
}

void *map_remove(struct map *m, struct str key) {
    struct slot *s = find(m, key, key_hash(m, key));
    if (s == NULL) return NULL;
    void *value = s->value;
    free(s->key);
    *s = (struct slot){.key = TOMB};
    m->count--;
    return value;
}

bool map_next(const struct map *m, size_t *pos, struct str *key, void **value) {
    for (; *pos < m->cap; (*pos)++) {
        const struct slot *s = &m->slots[*pos];
        if (!slot_live(s)) continue;
        if (key != NULL) *key = str_of(s->key, s->key_len);
        if (value != NULL) *value = s->value;
        (*pos)++;
        return true;
    }
    return false;
}

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 4096 - 64, ALIGN = _Alignof(max_align_t) };

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(max_align_t) char data[];
};

struct arena {
    struct block *head; /* the block that is being filled */
    size_t used, max;
};

struct arena *arena_new(size_t max) {
    struct arena *a = calloc(1, sizeof *a);
    if (a != NULL) a->max = max;
    return a;
}

static void free_blocks(struct block *b) {
    while (b != NULL) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

void arena_free(struct arena *a) {
    if (a == NULL) return;
    free_blocks(a->head);
    free(a);
}

void arena_reset(struct arena *a) {
    struct block *keep = a->head;
    if (keep != NULL) {
        free_blocks(keep->next);
        keep->next = NULL;
        keep->used = 0;
        if (keep->size > BLOCK_SIZE) {
            free(keep);
            keep = NULL;
        }
    }
    a->head = keep;
    a->used = 0;
}

/* As it comes from malloc. */
static void *take(struct arena *a, size_t size) {
    if (size > SIZE_MAX - ALIGN) return NULL;
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (size > a->max - a->used) return NULL;
    struct block *b = a->head;
    if (b == NULL || b->size - b->used < size) {
        size_t want = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        struct block *fresh = malloc(sizeof *fresh + want);
        if (fresh == NULL) return NULL;
        fresh->used = 0;
        fresh->size = want;
        if (b != NULL && size > BLOCK_SIZE / 2) { /* a large piece: keep filling the block that is there */
            fresh->next = b->next;
            b->next = fresh;
        } else {
            fresh->next = b;
            a->head = fresh;
        }
        b = fresh;
    }
    void *p = b->data + b->used;
    b->used += size;
    a->used += size;
    return p;
}

void *arena_alloc(struct arena *a, size_t size) {
    void *p = take(a, size);
    if (p != NULL) memset(p, 0, size);
    return p;
}

void *arena_memdup(struct arena *a, const void *src, size_t len) {
    void *p = take(a, len == 0 ? 1 : len);
    if (p != NULL && len > 0) memcpy(p, src, len);
    return p;
}

char *arena_cstr(struct arena *a, struct str s) {
    char *p = take(a, s.len + 1);
    if (p == NULL) return NULL;
    if (s.len > 0) memcpy(p, s.ptr, s.len);
    p[s.len] = 0;
    return p;
}

struct str arena_str(struct arena *a, struct str s) {
    char *p = arena_cstr(a, s);
    return p == NULL ? (struct str){NULL, 0} : (struct str){p, s.len};
}

char *arena_printf(struct arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) return NULL;
    char *p = arena_alloc(a, (size_t)n + 1);
    if (p == NULL) return NULL;
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

size_t arena_used(const struct arena *a) {
    return a->used;
}

void arena_cleanup(struct arena **a) {
    arena_free(*a);
    *a = NULL;
}

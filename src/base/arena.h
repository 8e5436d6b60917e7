/* Arena: memory that is freed all at once. One per lifetime: connection, transaction, command. */
#ifndef IEMS_BASE_ARENA_H
#define IEMS_BASE_ARENA_H

#include "base/str.h"

struct arena;

/* `max`: most bytes that it hands out in all; beyond, arena_alloc returns NULL. */
struct arena *arena_new(size_t max);
void arena_free(struct arena *a);  /* NULL is fine */
void arena_reset(struct arena *a); /* frees all content, keeps one block */
/* Zeroed, aligned for any type. NULL when out of memory or over the maximum. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_memdup(struct arena *a, const void *p, size_t len); /* not zeroed behind the bytes */
char *arena_cstr(struct arena *a, struct str s);                /* NUL-terminated copy */
struct str arena_str(struct arena *a, struct str s); /* copy, with a NUL behind it; {NULL,0} when out of memory */
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *a, const char *fmt, ...);
size_t arena_used(const struct arena *a);

void arena_cleanup(struct arena **a);
#define ARENA_AUTO __attribute__((cleanup(arena_cleanup))) struct arena *

#endif

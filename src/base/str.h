/* `struct str`: a view of bytes that somebody else owns. Not NUL-terminated; may hold any byte. */
#ifndef IEMS_BASE_STR_H
#define IEMS_BASE_STR_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *ptr;
    size_t len;
};

/* A view of a string literal. */
#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})
/* For printf: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).len, (s).ptr
#define STR_EMPTY  ((struct str){"", 0})

struct str str_from(const char *cstr); /* NULL gives the empty view */
struct str str_of(const void *ptr, size_t len);
struct str str_sub(struct str s, size_t from, size_t len); /* clamped to s */
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_eq_secret(struct str a, struct str b); /* constant time in the content; lengths may leak */
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_ends_nocase(struct str s, struct str suffix);

enum { STR_NPOS = -1 };
/* Offset of the first/last occurrence, or STR_NPOS. */
ptrdiff_t str_find(struct str s, char c);
ptrdiff_t str_rfind(struct str s, char c);
ptrdiff_t str_find_str(struct str s, struct str needle);
ptrdiff_t str_find_str_nocase(struct str s, struct str needle);

struct str str_trim(struct str s); /* blanks, tabs, CR, LF on both ends */

/* Cuts `*rest` at the first `sep`: returns what is before, leaves what is after. Without `sep` returns all. */
struct str str_cut(struct str *rest, char sep);
/* Next word of `*rest` between blanks and tabs; empty at the end. */
struct str str_word(struct str *rest);

/* Whole view must be the number. ERR_INVALID on any other byte, ERR_LIMIT above `max`. */
NODISCARD int str_to_u64(struct str s, uint64_t max, uint64_t *out);

/* FNV-1a style hash, seeded once per process against flooding; nocase folds ASCII. */
uint64_t str_hash(struct str s);
uint64_t str_hash_nocase(struct str s);

/* Copies into a fixed C string, NUL-terminated. ERR_LIMIT if it does not fit, ERR_INVALID on an inner NUL. */
NODISCARD int str_to_cstr(struct str s, char *out, size_t out_size);
/* Heap copy, NUL-terminated, to be free()d. NULL when out of memory. */
char *str_dup(struct str s);

bool str_is_ascii(struct str s); /* no byte above 0x7f */
bool str_is_utf8(struct str s);  /* well-formed UTF-8 (RFC 3629) */

static inline char ascii_lower(char c) {
    return (char)((c >= 'A' && c <= 'Z') ? c + 32 : c);
}
static inline char ascii_upper(char c) {
    return (char)((c >= 'a' && c <= 'z') ? c - 32 : c);
}
static inline bool ascii_isdigit(char c) {
    return c >= '0' && c <= '9';
}
static inline bool ascii_isalpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool ascii_isalnum(char c) {
    return ascii_isalpha(c) || ascii_isdigit(c);
}
static inline bool ascii_isspace(char c) {
    return c == ' ' || c == '\t';
}

#endif

#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

struct str str_from(const char *cstr) {
    return cstr == NULL ? STR_EMPTY : (struct str){cstr, strlen(cstr)};
}

struct str str_of(const void *ptr, size_t len) {
    return len == 0 ? STR_EMPTY : (struct str){ptr, len};
}

struct str str_sub(struct str s, size_t from, size_t len) {
    if (from > s.len) from = s.len;
    if (len > s.len - from) len = s.len - from;
    return (struct str){from == 0 ? s.ptr : s.ptr + from, len}; /* NULL + 0 is not defined in C */
}

bool str_eq(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_nocase(struct str a, struct str b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) return false;
    }
    return true;
}

bool str_eq_secret(struct str a, struct str b) {
    volatile unsigned char diff = a.len == b.len ? 0 : 1;
    size_t n = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < n; i++) diff |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
    return diff == 0;
}

int str_cmp(struct str a, struct str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
    if (c != 0) return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts(struct str s, struct str prefix) {
    return s.len >= prefix.len && str_eq(str_sub(s, 0, prefix.len), prefix);
}

bool str_starts_nocase(struct str s, struct str prefix) {
    return s.len >= prefix.len && str_eq_nocase(str_sub(s, 0, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix) {
    return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

bool str_ends_nocase(struct str s, struct str suffix) {
    return s.len >= suffix.len && str_eq_nocase(str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

ptrdiff_t str_find(struct str s, char c) {
    const char *p = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);
    return p == NULL ? STR_NPOS : p - s.ptr;
}

ptrdiff_t str_rfind(struct str s, char c) {
    const char *p = s.len == 0 ? NULL : memrchr(s.ptr, c, s.len);
    return p == NULL ? STR_NPOS : p - s.ptr;
}

ptrdiff_t str_find_str(struct str s, struct str needle) {
    if (needle.len == 0) return 0;
    const char *p = s.len == 0 ? NULL : memmem(s.ptr, s.len, needle.ptr, needle.len);
    return p == NULL ? STR_NPOS : p - s.ptr;
}

ptrdiff_t str_find_str_nocase(struct str s, struct str needle) {
    for (size_t i = 0; i + needle.len <= s.len; i++) {
        if (str_eq_nocase(str_sub(s, i, needle.len), needle)) return (ptrdiff_t)i;
    }
    return STR_NPOS;
}

static bool is_trimmed(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s) {
    while (s.len > 0 && is_trimmed(s.ptr[0])) s = str_sub(s, 1, s.len - 1);
    while (s.len > 0 && is_trimmed(s.ptr[s.len - 1])) s.len--;
    return s;
}

struct str str_cut(struct str *rest, char sep) {
    ptrdiff_t at = str_find(*rest, sep);
    if (at == STR_NPOS) {
        struct str all = *rest;
        *rest = str_sub(*rest, rest->len, 0);
        return all;
    }
    struct str head = str_sub(*rest, 0, (size_t)at);
    *rest = str_sub(*rest, (size_t)at + 1, rest->len);
    return head;
}

struct str str_word(struct str *rest) {
    size_t i = 0;
    while (i < rest->len && ascii_isspace(rest->ptr[i])) i++;
    size_t start = i;
    while (i < rest->len && !ascii_isspace(rest->ptr[i])) i++;
    struct str word = str_sub(*rest, start, i - start);
    while (i < rest->len && ascii_isspace(rest->ptr[i])) i++;
    *rest = str_sub(*rest, i, rest->len);
    return word;
}

int str_to_u64(struct str s, uint64_t max, uint64_t *out) {
    if (s.len == 0) return ERR_INVALID;
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_isdigit(s.ptr[i])) return ERR_INVALID;
        uint64_t d = (uint64_t)(s.ptr[i] - '0');
        if (v > (UINT64_MAX - d) / 10) return ERR_LIMIT;
        v = v * 10 + d;
    }
    if (v > max) return ERR_LIMIT;
    *out = v;
    return 0;
}

static uint64_t hash_seed(void) {
    static uint64_t seed;
    if (seed == 0 && (getrandom(&seed, sizeof seed, 0) != sizeof seed || seed == 0)) seed = 0x9e3779b97f4a7c15ULL;
    return seed;
}

static uint64_t hash_finish(uint64_t h) {
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ULL;
    h ^= h >> 32;
    return h;
}

uint64_t str_hash(struct str s) {
    uint64_t h = hash_seed() ^ 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3ULL;
    return hash_finish(h);
}

uint64_t str_hash_nocase(struct str s) {
    uint64_t h = hash_seed() ^ 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)ascii_lower(s.ptr[i])) * 0x100000001b3ULL;
    return hash_finish(h);
}

int str_to_cstr(struct str s, char *out, size_t out_size) {
    if (s.len >= out_size) return ERR_LIMIT;
    if (str_find(s, '\0') != STR_NPOS) return ERR_INVALID;
    if (s.len > 0) memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
    return 0;
}

char *str_dup(struct str s) {
    char *p = malloc(s.len + 1);
    if (p == NULL) return NULL;
    if (s.len > 0) memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return p;
}

bool str_is_ascii(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] > 0x7f) return false;
    }
    return true;
}

/* Length of the well-formed sequence at p (RFC 3629 section 4), 0 if there is none. */
static size_t utf8_sequence(const unsigned char *p, size_t left) {
    if (p[0] < 0x80) return 1;
    size_t need;
    unsigned char low = 0x80, high = 0xbf;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        need = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        need = 3;
        if (p[0] == 0xe0) low = 0xa0;
        if (p[0] == 0xed) high = 0x9f;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        need = 4;
        if (p[0] == 0xf0) low = 0x90;
        if (p[0] == 0xf4) high = 0x8f;
    } else {
        return 0;
    }
    if (left < need || p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < need; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf) return 0;
    }
    return need;
}

bool str_is_utf8(struct str s) {
    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_sequence((const unsigned char *)s.ptr + i, s.len - i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

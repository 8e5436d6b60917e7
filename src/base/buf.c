#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST = 64 };

void buf_init(struct buf *b, size_t max) {
    *b = BUF_INIT(max);
}

void buf_done(struct buf *b) {
    free(b->ptr);
    *b = BUF_INIT(b->max);
}

void buf_wipe(struct buf *b) {
    if (b->ptr != NULL) explicit_bzero(b->ptr, b->cap);
    buf_done(b);
}

void buf_clear(struct buf *b) {
    b->len = 0;
    b->error = 0;
    if (b->ptr != NULL) b->ptr[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t n) {
    if (b->error != 0) return NULL;
    if (n > b->max - b->len) {
        b->error = ERR_LIMIT;
        return NULL;
    }
    if (b->cap < b->len + n + 1) {
        size_t cap = b->cap == 0 ? BUF_FIRST : b->cap;
        while (cap < b->len + n + 1) cap *= 2;
        if (cap > b->max + 1) cap = b->max + 1;
        char *p = realloc(b->ptr, cap);
        if (p == NULL) {
            b->error = ERR_NOMEM;
            return NULL;
        }
        b->ptr = p;
        b->cap = cap;
    }
    return b->ptr + b->len;
}

void buf_commit(struct buf *b, size_t n) {
    IEMS_ASSERT(b->len + n < b->cap);
    b->len += n;
    b->ptr[b->len] = '\0';
}

void buf_add(struct buf *b, struct str s) {
    char *p = buf_reserve(b, s.len);
    if (p == NULL) return;
    if (s.len > 0) memcpy(p, s.ptr, s.len);
    buf_commit(b, s.len);
}

void buf_addc(struct buf *b, char c) {
    char *p = buf_reserve(b, 1);
    if (p == NULL) return;
    *p = c;
    buf_commit(b, 1);
}

void buf_adds(struct buf *b, const char *cstr) {
    buf_add(b, str_from(cstr));
}

void buf_add_utf8(struct buf *b, uint32_t code_point) {
    unsigned rest = code_point < 0x80 ? 0 : code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
    static const unsigned lead[] = {0, 0xc0, 0xe0, 0xf0};
    buf_addc(b, (char)(lead[rest] | code_point >> 6 * rest));
    while (rest-- > 0) buf_addc(b, (char)(0x80 | (code_point >> 6 * rest & 0x3f)));
}

void buf_addu(struct buf *b, uint64_t n) {
    char digits[20];
    size_t i = sizeof digits;
    do {
        digits[--i] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    buf_add(b, str_of(digits + i, sizeof digits - i));
}

void buf_printf(struct buf *b, const char *fmt, ...) {
    if (b->error != 0) return;
    size_t room = b->cap - b->len; /* with the final NUL; often enough, and then one pass does */
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(room == 0 ? NULL : b->ptr + b->len, room, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < room) {
        b->len += (size_t)n;
        return;
    }
    if (room > 0) b->ptr[b->len] = '\0';
    if (n < 0) {
        b->error = ERR_INVALID;
        return;
    }
    char *p = buf_reserve(b, (size_t)n);
    if (p == NULL) return;
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    buf_commit(b, (size_t)n);
}

void buf_consume(struct buf *b, size_t n) {
    IEMS_ASSERT(n <= b->len);
    if (n == 0) return;
    b->len -= n;
    memmove(b->ptr, b->ptr + n, b->len);
    b->ptr[b->len] = '\0';
}

void buf_truncate(struct buf *b, size_t len) {
    IEMS_ASSERT(len <= b->len);
    b->len = len;
    if (b->ptr != NULL) b->ptr[len] = '\0';
}

const char *buf_cstr(const struct buf *b) {
    return b->ptr == NULL ? "" : b->ptr;
}

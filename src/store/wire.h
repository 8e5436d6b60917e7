/* How values are written: big-endian integers and length-prefixed bytes. A reader that meets the end sets `bad`, gives
 * zeros from then on, and is asked once at the end. */
#ifndef IEMS_STORE_WIRE_H
#define IEMS_STORE_WIRE_H

#include "base/buf.h"
#include "base/encode.h"

static inline void wire_u8(struct buf *b, uint8_t v) {
    buf_addc(b, (char)v);
}
static inline void wire_u32(struct buf *b, uint32_t v) {
    unsigned char p[4];
    be32_put(p, v);
    buf_add(b, str_of(p, sizeof p));
}
static inline void wire_u64(struct buf *b, uint64_t v) {
    unsigned char p[8];
    be64_put(p, v);
    buf_add(b, str_of(p, sizeof p));
}
static inline void wire_bytes(struct buf *b, struct str s) {
    wire_u32(b, (uint32_t)s.len);
    buf_add(b, s);
}

struct wire {
    struct str rest;
    bool bad;
};

static inline struct wire wire_of(struct str s) {
    return (struct wire){.rest = s};
}
static inline struct str wire_take(struct wire *w, size_t n) {
    if (w->bad || w->rest.len < n) {
        w->bad = true;
        return STR_EMPTY;
    }
    struct str s = str_of(w->rest.ptr, n);
    w->rest = str_of(w->rest.ptr + n, w->rest.len - n);
    return s;
}
static inline uint8_t wire_get_u8(struct wire *w) {
    struct str s = wire_take(w, 1);
    return w->bad ? 0 : (uint8_t)s.ptr[0];
}
static inline uint32_t wire_get_u32(struct wire *w) {
    struct str s = wire_take(w, 4);
    return w->bad ? 0 : be32_get((const unsigned char *)s.ptr);
}
static inline uint64_t wire_get_u64(struct wire *w) {
    struct str s = wire_take(w, 8);
    return w->bad ? 0 : be64_get((const unsigned char *)s.ptr);
}
static inline struct str wire_get_bytes(struct wire *w) {
    return wire_take(w, wire_get_u32(w));
}

#endif

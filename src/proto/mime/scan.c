/* The scan goes by blocks of 16 octets with the compiler's portable vectors: no octet of a body is looked at by itself
 * unless a boundary may begin there. */
#include "proto/mime/scan.h"

#include <string.h>

enum { BLOCK = 16, RUN_MAX = 255 /* lanes count in one octet */ };

typedef uint8_t lanes __attribute__((vector_size(BLOCK)));
typedef uint64_t halves __attribute__((vector_size(BLOCK)));

static lanes load(const char *p) {
    lanes v;
    memcpy(&v, p, BLOCK);
    return v;
}

static bool any(lanes v) {
    halves h = (halves)v;
    return (h[0] | h[1]) != 0;
}

static uint64_t sum(lanes v) {
    const uint64_t mask = 0x00ff00ff00ff00ffULL;
    halves h = (halves)v, even = (h & mask) + ((h >> 8) & mask);
    uint64_t both = even[0] + even[1]; /* four sums of 16 bits, none above 4 * 255 */
    return (both & 0xffff) + (both >> 16 & 0xffff) + (both >> 32 & 0xffff) + (both >> 48);
}

static size_t scan_slow(struct str s, size_t from, size_t to, char before, bool stop, struct scan *r, bool *stopped) {
    for (size_t i = from; i < to; i++) {
        char c = s.ptr[i];
        if ((unsigned char)c >= 0x80) r->high = true;
        if (c == '\0') r->nul = true;
        if (c != '\n') continue;
        r->lf++;
        if ((i > 0 ? s.ptr[i - 1] : before) != '\r') r->bare++;
        if (stop && i + 1 < s.len && s.ptr[i + 1] == '-') {
            *stopped = true;
            return i + 1;
        }
    }
    return to;
}

/* As many whole blocks as there are, at least one octet before and one behind each; ends before a block with a stop. */
static size_t scan_blocks(struct str s, size_t from, bool stop, struct scan *r) {
    size_t i = from;
    lanes high = {0}, nul = {0};
    while (i + BLOCK + 1 <= s.len) {
        lanes lf = {0}, bare = {0};
        unsigned n = 0;
        for (; n < RUN_MAX && i + BLOCK + 1 <= s.len; n++, i += BLOCK) {
            lanes v = load(s.ptr + i);
            lanes is_lf = (lanes)(v == '\n');
            if (stop && any(is_lf & (lanes)(load(s.ptr + i + 1) == '-'))) break;
            lf -= is_lf;
            bare -= is_lf & (lanes)(load(s.ptr + i - 1) != '\r');
            high |= v;
            nul |= (lanes)(v == 0);
        }
        r->lf += sum(lf);
        r->bare += sum(bare);
        if (n < RUN_MAX) break;
    }
    if (any(high & 0x80)) r->high = true;
    if (any(nul)) r->nul = true;
    return i;
}

size_t scan_body(struct str s, char before, bool stop, struct scan *r) {
    bool stopped = false;
    size_t i = scan_slow(s, 0, s.len < 1 ? 0 : 1, before, stop, r, &stopped);
    while (i < s.len && !stopped) {
        i = scan_blocks(s, i, stop, r);
        size_t to = i + BLOCK < s.len ? i + BLOCK : s.len;
        i = scan_slow(s, i, to, before, stop, r, &stopped);
    }
    return i;
}

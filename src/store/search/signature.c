#include "store/search/signature.h"

#include "store/search/common.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEAD = 2,
    BITS_PER_TRIGRAM = 5, /* with PROBES: nine of a hundred trigrams that are not there seem to be */
    PROBES = 3,
    SEEN_BYTES = (1 << 24) / 8,
    TRIGRAM_MASK = 0xffffff,
};

struct signature_builder {
    unsigned char *seen; /* a bit for each trigram */
    uint32_t *list;      /* those that are set, without the common ones */
    size_t count;
    uint32_t last; /* the bytes before */
    unsigned have; /* how many of them count: 0, 1, 2 */
    bool over;
};

static void set_common(struct signature_builder *b) {
    size_t n;
    const uint32_t *common = search_common(&n);
    for (size_t i = 0; i < n; i++) b->seen[common[i] >> 3] |= (unsigned char)(1u << (common[i] & 7));
}

struct signature_builder *signature_builder_new(void) {
    struct signature_builder *b = calloc(1, sizeof *b);
    if (b == NULL) return NULL;
    b->seen = calloc(1, SEEN_BYTES);
    b->list = malloc(SIGNATURE_TRIGRAMS_MAX * sizeof *b->list);
    if (b->seen == NULL || b->list == NULL) {
        signature_builder_free(b);
        return NULL;
    }
    set_common(b);
    return b;
}

void signature_builder_free(struct signature_builder *b) {
    if (b == NULL) return;
    free(b->seen);
    free(b->list);
    free(b);
}

void signature_add(struct signature_builder *b, struct str text, bool begins) {
    uint32_t last = b->last;
    size_t i = 0;
    if (begins) b->have = 0;
    for (; b->have < 2 && i < text.len; i++, b->have++) last = last << 8 | (unsigned char)text.ptr[i];
    for (; i < text.len; i++) {
        last = last << 8 | (unsigned char)text.ptr[i];
        uint32_t t = last & TRIGRAM_MASK;
        unsigned char bit = (unsigned char)(1u << (t & 7));
        if (b->seen[t >> 3] & bit) continue;
        if (b->count == SIGNATURE_TRIGRAMS_MAX) {
            b->over = true;
            break;
        }
        b->seen[t >> 3] |= bit;
        b->list[b->count++] = t;
    }
    b->last = last;
}

/* Spreads 24 bits over 32 (the finalizer of MurmurHash3). */
static uint32_t hash_of(uint32_t t) {
    t ^= t >> 16;
    t *= 0x85ebca6bu;
    t ^= t >> 13;
    t *= 0xc2b2ae35u;
    return t ^ t >> 16;
}

static uint32_t probe(uint32_t hash, unsigned i, uint32_t bits) {
    uint32_t step = (hash >> 17 | hash << 15) * 0x9e3779b1u | 1;
    return (uint32_t)((uint64_t)(hash + i * step) * bits >> 32);
}

static void fill(const struct signature_builder *b, unsigned char *filter, size_t bytes) {
    uint32_t bits = (uint32_t)bytes * 8;
    memset(filter, 0, bytes);
    for (size_t k = 0; k < b->count; k++) {
        uint32_t h = hash_of(b->list[k]);
        for (unsigned i = 0; i < PROBES; i++) {
            uint32_t at = probe(h, i, bits);
            filter[at >> 3] |= (unsigned char)(1u << (at & 7));
        }
    }
}

void signature_finish(struct signature_builder *b, bool always, struct buf *out) {
    always = always || b->over;
    size_t bytes = always ? 0 : (b->count * BITS_PER_TRIGRAM + 7) / 8;
    buf_addc(out, SIGNATURE_VERSION);
    buf_addc(out, always ? SIGNATURE_ALWAYS : 0);
    char *filter = bytes > 0 ? buf_reserve(out, bytes) : NULL;
    if (filter != NULL) {
        fill(b, (unsigned char *)filter, bytes);
        buf_commit(out, bytes);
    }
    for (size_t k = 0; k < b->count; k++) b->seen[b->list[k] >> 3] &= (unsigned char)~(1u << (b->list[k] & 7));
    b->count = b->have = 0;
    b->over = false;
}

static uint32_t trigram_at(struct str s, size_t i) {
    const unsigned char *p = (const unsigned char *)s.ptr + i;
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

void signature_query_make(struct str needle, struct signature_query *out) {
    out->count = 0;
    for (size_t i = 0; i + 2 < needle.len && out->count < SIGNATURE_PROBES_MAX; i++) {
        uint32_t t = trigram_at(needle, i);
        if (search_is_common(t)) continue;
        out->trigram[out->count] = t;
        out->hash[out->count++] = hash_of(t);
    }
}

static bool text_holds(struct str text, uint32_t trigram) {
    for (size_t i = 0; i + 2 < text.len; i++)
        if (trigram_at(text, i) == trigram) return true;
    return false;
}

bool signature_is_current(struct str signature) {
    return signature.len >= HEAD && (unsigned char)signature.ptr[0] == SIGNATURE_VERSION;
}

bool signature_may_hold(struct str signature, const struct signature_query *q, struct str extra) {
    if (!signature_is_current(signature) || (signature.ptr[1] & SIGNATURE_ALWAYS) != 0) return true;
    const unsigned char *filter = (const unsigned char *)signature.ptr + HEAD;
    uint32_t bits = (uint32_t)(signature.len - HEAD) * 8;
    for (size_t k = 0; k < q->count; k++) {
        bool there = bits > 0;
        for (unsigned i = 0; there && i < PROBES; i++) {
            uint32_t at = probe(q->hash[k], i, bits);
            there = (filter[at >> 3] >> (at & 7) & 1) != 0;
        }
        if (!there && !text_holds(extra, q->trigram[k])) return false;
    }
    return true;
}

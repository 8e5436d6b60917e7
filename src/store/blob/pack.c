#include "store/blob/pack.h"

#include "store/blob/armour.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum {
    LEVEL = 3,
    DICTIONARY_TEXT_MAX = 32 * 1024, /* longer text gains nothing by it */
    IDLE_MAX = 8,                    /* contexts that are kept for the next piece */
    VERSION_MASK = 0xf0,
    HEAD_MAX = 32,
};

/* To set up a context costs more than a small piece: they are kept. */
struct context {
    struct context *next;
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    struct buf text, binary, recipe;
};

static struct {
    pthread_mutex_t lock;
    struct context *idle;
    unsigned idle_count;
    ZSTD_CDict *pack;
    ZSTD_DDict *unpack;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void context_free(struct context *c) {
    (void)ZSTD_freeCCtx(c->pack);
    (void)ZSTD_freeDCtx(c->unpack);
    buf_done(&c->text);
    buf_done(&c->binary);
    buf_done(&c->recipe);
    free(c);
}

static struct context *context_new(void) {
    struct context *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    buf_init(&c->text, PACK_PIECE_MAX + 1);
    buf_init(&c->binary, PACK_PIECE_MAX + 1);
    buf_init(&c->recipe, PACK_PIECE_MAX);
    return c;
}

static struct context *context_get(void) {
    pthread_mutex_lock(&shared.lock);
    struct context *c = shared.idle;
    if (c != NULL) {
        shared.idle = c->next;
        shared.idle_count--;
    }
    if (shared.unpack == NULL) shared.unpack = ZSTD_createDDict(pack_dictionary.ptr, pack_dictionary.len);
    pthread_mutex_unlock(&shared.lock);
    if (c == NULL) c = context_new();
    if (c == NULL) return NULL;
    buf_clear(&c->text);
    buf_clear(&c->binary);
    buf_clear(&c->recipe);
    return c;
}

static void context_put(struct context *c) {
    pthread_mutex_lock(&shared.lock);
    bool keep = shared.idle_count < IDLE_MAX;
    if (keep) {
        c->next = shared.idle;
        shared.idle = c;
        shared.idle_count++;
    }
    pthread_mutex_unlock(&shared.lock);
    if (!keep) context_free(c);
}

/* --- unpacking */
static int unframe(struct context *c, struct str frame, bool dictionary, char *out, size_t len) {
    char none;
    if (len == 0) out = &none;
    if (c->unpack == NULL) c->unpack = ZSTD_createDCtx();
    if (c->unpack == NULL || shared.unpack == NULL) return ERR_NOMEM;
    size_t n = dictionary ? ZSTD_decompress_usingDDict(c->unpack, out, len, frame.ptr, frame.len, shared.unpack)
                          : ZSTD_decompressDCtx(c->unpack, out, len, frame.ptr, frame.len);
    return ZSTD_isError(n) || n != len ? ERR_CORRUPT : 0;
}

static int unpack_armour(struct context *c, struct str in, bool dictionary, char *out, size_t len) {
    uint64_t recipe_len, text_len, binary_len, frame_len;
    int rc = varint_get(&in, PACK_PIECE_MAX, &recipe_len);
    if (rc == 0) rc = varint_get(&in, PACK_PIECE_MAX, &text_len);
    if (rc == 0) rc = varint_get(&in, PACK_PIECE_MAX, &binary_len);
    if (rc == 0) rc = varint_get(&in, PACK_PIECE_MAX, &frame_len);
    if (rc == 0 && recipe_len + frame_len > in.len) rc = ERR_CORRUPT;
    if (rc != 0) return rc;
    struct str recipe = str_sub(in, 0, (size_t)recipe_len);
    struct str frame = str_sub(in, (size_t)recipe_len, (size_t)frame_len);
    struct str rest = str_sub(in, (size_t)(recipe_len + frame_len), in.len);
    char *text = buf_reserve(&c->text, (size_t)text_len + 1), *binary = buf_reserve(&c->binary, (size_t)binary_len + 1);
    if (text == NULL || binary == NULL) return ERR_NOMEM;
    rc = unframe(c, frame, dictionary, text, (size_t)text_len);
    if (rc == 0) rc = unframe(c, rest, false, binary, (size_t)binary_len);
    if (rc != 0) return rc;
    return armour_join(recipe, str_of(text, (size_t)text_len), str_of(binary, (size_t)binary_len), out, len);
}

static int unpack_with(struct context *c, struct str packed, char *out, size_t len) {
    unsigned kind = packed.len > 0 ? (unsigned char)packed.ptr[0] : 0;
    if ((kind & VERSION_MASK) != PACK_VERSION || kind & ~(unsigned)(VERSION_MASK | PACK_DICTIONARY | PACK_ARMOUR))
        return ERR_CORRUPT;
    struct str rest = str_sub(packed, 1, packed.len);
    bool dictionary = kind & PACK_DICTIONARY;
    return kind & PACK_ARMOUR ? unpack_armour(c, rest, dictionary, out, len) : unframe(c, rest, dictionary, out, len);
}

int unpack_piece(struct str packed, char *out, size_t len) {
    if (len > PACK_PIECE_MAX) return ERR_CORRUPT;
    struct context *c = context_get();
    if (c == NULL) return ERR_NOMEM;
    int rc = unpack_with(c, packed, out, len);
    context_put(c);
    return rc;
}

/* --- packing */
static ZSTD_CDict *pack_with(void) {
    pthread_mutex_lock(&shared.lock);
    if (shared.pack == NULL) shared.pack = ZSTD_createCDict(pack_dictionary.ptr, pack_dictionary.len, LEVEL);
    ZSTD_CDict *d = shared.pack;
    pthread_mutex_unlock(&shared.lock);
    return d;
}

static int frame(struct context *c, struct str in, bool dictionary, struct buf *out) {
    ZSTD_CDict *d = dictionary ? pack_with() : NULL;
    if (c->pack == NULL) c->pack = ZSTD_createCCtx();
    if (c->pack == NULL || (dictionary && d == NULL)) return ERR_NOMEM;
    size_t bound = ZSTD_compressBound(in.len);
    char *p = buf_reserve(out, bound);
    if (p == NULL) return out->error;
    size_t n = dictionary ? ZSTD_compress_usingCDict(c->pack, p, bound, in.ptr, in.len, d)
                          : ZSTD_compressCCtx(c->pack, p, bound, in.ptr, in.len, LEVEL);
    if (ZSTD_isError(n)) return ERR_NOMEM;
    buf_commit(out, n);
    return 0;
}

static int pack_armour(struct context *c, bool dictionary, struct buf *out) {
    BUF_AUTO text = BUF_INIT(2 * PACK_PIECE_MAX);
    int rc = frame(c, buf_str(&c->text), dictionary, &text);
    if (rc != 0) return rc;
    varint_put(out, c->recipe.len);
    varint_put(out, c->text.len);
    varint_put(out, c->binary.len);
    varint_put(out, text.len);
    buf_add(out, buf_str(&c->recipe));
    buf_add(out, buf_str(&text));
    return frame(c, buf_str(&c->binary), false, out);
}

/* Nothing is given up before it has come out again as it was. */
static int compare(struct context *c, struct str packed, struct str raw) {
    char *again = malloc(raw.len);
    if (again == NULL) return ERR_NOMEM;
    buf_clear(&c->text);
    buf_clear(&c->binary);
    int rc = unpack_with(c, packed, again, raw.len);
    if (rc == 0 && memcmp(again, raw.ptr, raw.len) != 0) rc = ERR_CORRUPT;
    free(again);
    return rc == ERR_CORRUPT ? ERR_LIMIT : rc;
}

static int pack_into(struct context *c, struct str raw, struct buf *out) {
    armour_split(raw, &c->recipe, &c->text, &c->binary);
    int rc = c->recipe.error != 0 ? c->recipe.error : c->text.error != 0 ? c->text.error : c->binary.error;
    if (rc != 0) return rc;
    bool dictionary = c->text.len <= DICTIONARY_TEXT_MAX, armour = c->recipe.len > 0;
    buf_addc(out, (char)(PACK_VERSION | (dictionary ? PACK_DICTIONARY : 0) | (armour ? PACK_ARMOUR : 0)));
    return armour ? pack_armour(c, dictionary, out) : frame(c, buf_str(&c->text), dictionary, out);
}

int pack_piece(struct str raw, struct buf *out) {
    IEMS_ASSERT(raw.len <= PACK_PIECE_MAX);
    struct context *c = context_get();
    if (c == NULL) return ERR_NOMEM;
    BUF_AUTO made = BUF_INIT(2 * PACK_PIECE_MAX + HEAD_MAX);
    int rc = pack_into(c, raw, &made);
    if (rc == 0) rc = made.error;
    if (rc == 0 && made.len >= raw.len) rc = ERR_LIMIT;
    if (rc == 0) rc = compare(c, buf_str(&made), raw);
    context_put(c);
    if (rc != 0) return rc;
    buf_add(out, buf_str(&made));
    return out->error;
}

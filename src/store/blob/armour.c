#include "store/blob/armour.h"

#include <string.h>

enum {
    GROUP = 4,     /* characters that stand for three bytes */
    LINE_MIN = 32, /* characters; shorter lines are more often words */
    LINE_MAX = 255 * GROUP,
    LINES_MIN = 4,
    BAD = 0x80,
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* BAD for what is not in the alphabet. */
static unsigned value_of(unsigned char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26u;
    if (c >= '0' && c <= '9') return c - '0' + 52u;
    return c == '+' ? 62 : c == '/' ? 63 : BAD;
}

static const unsigned char *values(void) {
    static _Thread_local unsigned char table[256];
    if (table[0] == 0)
        for (unsigned i = 0; i < 256; i++) table[i] = (unsigned char)value_of((unsigned char)i);
    return table;
}

void varint_put(struct buf *b, uint64_t v) {
    for (; v >= 0x80; v >>= 7) buf_addc(b, (char)(unsigned char)(v | 0x80));
    buf_addc(b, (char)v);
}

int varint_get(struct str *rest, uint64_t max, uint64_t *out) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (rest->len == 0) return ERR_CORRUPT;
        unsigned char c = (unsigned char)rest->ptr[0];
        *rest = str_of(rest->ptr + 1, rest->len - 1);
        if (shift == 63 && c > 1) return ERR_CORRUPT;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c & 0x80) continue;
        if (v > max) return ERR_CORRUPT;
        *out = v;
        return 0;
    }
    return ERR_CORRUPT;
}

/* Whole groups without padding. */
static bool decode(const unsigned char *value, const char *in, size_t groups, char *out) {
    const unsigned char *p = (const unsigned char *)in;
    unsigned seen = 0;
    for (size_t i = 0; i < groups; i++, p += GROUP, out += 3) {
        unsigned a = value[p[0]], b = value[p[1]], c = value[p[2]], d = value[p[3]];
        seen |= a | b | c | d;
        if (seen & BAD) return false;
        out[0] = (char)(a << 2 | b >> 4);
        out[1] = (char)(b << 4 | c >> 2);
        out[2] = (char)(c << 6 | d);
    }
    return true;
}

/* The last group of a line may be padded; bits that stand for nothing must be zero. How many bytes, or 0. */
static size_t decode_last(const unsigned char *value, const char *in, char *out) {
    if (in[3] != '=') return decode(value, in, 1, out) ? 3 : 0;
    unsigned a = value[(unsigned char)in[0]], b = value[(unsigned char)in[1]];
    if ((a | b) & BAD) return 0;
    out[0] = (char)(a << 2 | b >> 4);
    if (in[2] == '=') return (b & 15) == 0 ? 1 : 0;
    unsigned c = value[(unsigned char)in[2]];
    if (c & BAD || (c & 3) != 0) return 0;
    out[1] = (char)(b << 4 | c >> 2);
    return 2;
}

/* Lines of `width` characters at the front of `in`; their bytes are added. */
static size_t split_lines(const unsigned char *value, struct str in, size_t width, struct buf *binary) {
    size_t n = 0, bytes = width / GROUP * 3;
    for (const char *p = in.ptr; (size_t)(in.ptr + in.len - p) >= width + 2; p += width + 2, n++) {
        char *out = p[width] == '\r' && p[width + 1] == '\n' ? buf_reserve(binary, bytes) : NULL;
        if (out == NULL || !decode(value, p, width / GROUP, out)) break;
        buf_commit(binary, bytes);
    }
    return n;
}

/* The line behind them, up to where the piece ends. How many characters of it were taken. */
static size_t split_tail(const unsigned char *value, struct str in, size_t width, struct buf *binary) {
    const char *cr = memchr(in.ptr, '\r', in.len < width ? in.len : width);
    size_t len = cr != NULL ? (size_t)(cr - in.ptr) : in.len < width ? in.len : width, groups = len / GROUP;
    if (groups == 0 || (cr != NULL && len % GROUP != 0)) return 0;
    char *out = buf_reserve(binary, groups * 3);
    if (out == NULL || !decode(value, in.ptr, groups - 1, out)) return 0;
    size_t last = decode_last(value, in.ptr + (groups - 1) * GROUP, out + (groups - 1) * 3);
    if (last == 0) return 0;
    buf_commit(binary, (groups - 1) * 3 + last);
    return groups * GROUP;
}

static size_t line_width(struct str in) {
    const char *lf = memchr(in.ptr, '\n', in.len < LINE_MAX + 2 ? in.len : LINE_MAX + 2);
    size_t len = lf == NULL ? 0 : (size_t)(lf - in.ptr);
    return len > LINE_MIN && in.ptr[len - 1] == '\r' && (len - 1) % GROUP == 0 ? len - 1 : 0;
}

/* The run that begins here: how many bytes of the input it takes; 0 = none. */
static size_t split_run(struct str in, size_t text_before, struct buf *recipe, struct buf *binary) {
    const unsigned char *value = values();
    size_t width = line_width(in), before = binary->len;
    size_t lines = width == 0 ? 0 : split_lines(value, in, width, binary);
    if (lines < LINES_MIN) {
        buf_truncate(binary, before);
        return 0;
    }
    size_t taken = lines * (width + 2), whole = binary->len;
    taken += split_tail(value, str_sub(in, taken, in.len), width, binary);
    varint_put(recipe, text_before);
    varint_put(recipe, lines);
    buf_addc(recipe, (char)(unsigned char)(width / GROUP));
    varint_put(recipe, binary->len - whole);
    return taken;
}

void armour_split(struct str in, struct buf *recipe, struct buf *text, struct buf *binary) {
    size_t from = 0; /* where the text begins that was not added yet */
    for (size_t at = 0; at < in.len;) {
        size_t taken = split_run(str_sub(in, at, in.len), at - from, recipe, binary);
        if (taken > 0) {
            buf_add(text, str_sub(in, from, at - from));
            from = at += taken;
            continue;
        }
        const char *lf = memchr(in.ptr + at, '\n', in.len - at);
        at = lf == NULL ? in.len : (size_t)(lf - in.ptr) + 1;
    }
    buf_add(text, str_sub(in, from, in.len));
}

/* Characters for twelve bits: half the look-ups. */
struct pair {
    char c[2];
};

static const struct pair *pairs(void) {
    static _Thread_local struct pair table[64 * 64];
    if (table[0].c[0] == 0)
        for (unsigned i = 0; i < 64 * 64; i++) table[i] = (struct pair){{alphabet[i >> 6], alphabet[i & 63]}};
    return table;
}

static char *encode(const char *in, size_t groups, char *out) {
    const unsigned char *p = (const unsigned char *)in;
    const struct pair *pair = pairs();
    for (size_t i = 0; i < groups; i++, p += 3, out += GROUP) {
        unsigned v = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
        memcpy(out, &pair[v >> 12], sizeof *pair);
        memcpy(out + sizeof *pair, &pair[v & 0xfff], sizeof *pair);
    }
    return out;
}

static char *encode_tail(struct str in, char *out) {
    size_t rest = in.len % 3;
    out = encode(in.ptr, in.len / 3, out);
    if (rest == 0) return out;
    char last[3] = {in.ptr[in.len - rest], rest == 2 ? in.ptr[in.len - 1] : 0, 0};
    (void)encode(last, 1, out);
    out[3] = '=';
    if (rest == 1) out[2] = '=';
    return out + GROUP;
}

struct join {
    struct str recipe, text, binary;
    char *out;
    size_t left;
};

static int join_text(struct join *j, size_t len) {
    if (len > j->text.len || len > j->left) return ERR_CORRUPT;
    if (len > 0) memcpy(j->out, j->text.ptr, len);
    j->text = str_of(j->text.ptr + len, j->text.len - len);
    j->out += len;
    j->left -= len;
    return 0;
}

static int join_lines(struct join *j, uint64_t lines, size_t groups, size_t tail) {
    size_t width = groups * GROUP, tail_chars = (tail + 2) / 3 * GROUP;
    if (groups == 0 || lines > j->left / (width + 2) || tail_chars > j->left - (size_t)lines * (width + 2) ||
        (size_t)lines * groups * 3 + tail > j->binary.len)
        return ERR_CORRUPT;
    for (uint64_t i = 0; i < lines; i++) {
        j->out = encode(j->binary.ptr, groups, j->out);
        *j->out++ = '\r';
        *j->out++ = '\n';
        j->binary = str_of(j->binary.ptr + groups * 3, j->binary.len - groups * 3);
    }
    j->out = encode_tail(str_sub(j->binary, 0, tail), j->out);
    j->binary = str_of(j->binary.ptr + tail, j->binary.len - tail);
    j->left -= (size_t)lines * (width + 2) + tail_chars;
    return 0;
}

int armour_join(struct str recipe, struct str text, struct str binary, char *out, size_t len) {
    struct join j = {recipe, text, binary, out, len};
    while (j.recipe.len > 0) {
        uint64_t before, lines, tail;
        int rc = varint_get(&j.recipe, len, &before);
        if (rc == 0) rc = varint_get(&j.recipe, len, &lines);
        if (rc == 0 && j.recipe.len == 0) rc = ERR_CORRUPT;
        if (rc != 0) return rc;
        size_t groups = (unsigned char)j.recipe.ptr[0];
        j.recipe = str_of(j.recipe.ptr + 1, j.recipe.len - 1);
        rc = varint_get(&j.recipe, len, &tail);
        if (rc == 0) rc = join_text(&j, (size_t)before);
        if (rc == 0) rc = join_lines(&j, lines, groups, (size_t)tail);
        if (rc != 0) return rc;
    }
    int rc = join_text(&j, j.text.len);
    return rc != 0 ? rc : j.left == 0 && j.binary.len == 0 ? 0 : ERR_CORRUPT;
}

#include "proto/imap/utf7.h"

#include "proto/imap/args.h"

#include <string.h>

static const char base64_imap[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == ',' ? 63 : -1;
}

static void put_utf8(struct buf *out, uint32_t c) {
    char b[4];
    size_t n = 0;
    if (c < 0x80) {
        b[n++] = (char)c;
    } else if (c < 0x800) {
        b[n++] = (char)(0xc0 | c >> 6);
        b[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        b[n++] = (char)(0xe0 | c >> 12);
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        b[n++] = (char)(0xf0 | c >> 18);
        b[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (char)(0x80 | (c & 0x3f));
    }
    buf_add(out, str_of(b, n));
}

/* One shifted part, without "&" and "-": base64 of UTF-16BE. */
static int decode_shift(struct str s, struct buf *out) {
    uint32_t bits = 0, high = 0;
    unsigned have = 0;
    bool any = false;
    for (size_t i = 0; i < s.len; i++) {
        int v = base64_value(s.ptr[i]);
        if (v < 0) return ERR_INVALID;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have < 16) continue;
        have -= 16;
        uint32_t unit = bits >> have & 0xffff;
        bits &= (1u << have) - 1;
        any = true;
        if (high != 0) {
            if (unit < 0xdc00 || unit > 0xdfff) return ERR_INVALID;
            put_utf8(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
            high = 0;
        } else if (unit >= 0xd800 && unit <= 0xdbff) {
            high = unit;
        } else if ((unit >= 0xdc00 && unit <= 0xdfff) || (unit >= 0x20 && unit <= 0x7e)) {
            return ERR_INVALID; /* lone surrogate; printable ASCII must stand for itself */
        } else {
            put_utf8(out, unit);
        }
    }
    return !any || high != 0 || have >= 6 || bits != 0 ? ERR_INVALID : 0;
}

int imap_utf7_decode(struct str in, struct buf *out) {
    size_t begin = out->len;
    bool after_shift = false; /* two shifted parts in a row should have been one */
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        int err = 0;
        if (c < 0x20 || c > 0x7e) {
            err = ERR_INVALID;
        } else if (c != '&') {
            buf_addc(out, c);
            after_shift = false;
        } else {
            ptrdiff_t end = str_find(str_sub(in, i + 1, SIZE_MAX), '-');
            if (end == STR_NPOS)
                err = ERR_INVALID;
            else if (end == 0)
                buf_addc(out, '&');
            else
                err = after_shift ? ERR_INVALID : decode_shift(str_sub(in, i + 1, (size_t)end), out);
            after_shift = end > 0;
            i += (size_t)end + 1;
        }
        if (err != 0) {
            buf_truncate(out, begin);
            return err;
        }
    }
    return out->error;
}

/* The next character of well-formed UTF-8. */
static uint32_t take_utf8(struct str s, size_t *at) {
    unsigned char c = (unsigned char)s.ptr[*at];
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t v = n == 1 ? c : c & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) v = v << 6 | ((unsigned char)s.ptr[*at + i] & 0x3f);
    *at += n;
    return v;
}

struct base64_out {
    struct buf *out;
    uint32_t bits;
    unsigned have;
};

static void put_unit(struct base64_out *b, uint32_t unit) {
    b->bits = b->bits << 16 | unit;
    b->have += 16;
    while (b->have >= 6) {
        b->have -= 6;
        buf_addc(b->out, base64_imap[b->bits >> b->have & 63]);
    }
    b->bits &= (1u << b->have) - 1;
}

int imap_utf7_encode(struct str in, struct buf *out) {
    if (!str_is_utf8(in)) return ERR_INVALID;
    for (size_t i = 0; i < in.len;) {
        char c = in.ptr[i];
        if (c >= 0x20 && c <= 0x7e) {
            buf_addc(out, c);
            if (c == '&') buf_addc(out, '-');
            i++;
            continue;
        }
        struct base64_out b = {.out = out};
        buf_addc(out, '&');
        while (i < in.len && (in.ptr[i] < 0x20 || in.ptr[i] > 0x7e)) {
            uint32_t u = take_utf8(in, &i);
            if (u >= 0x10000) {
                put_unit(&b, 0xd800 + ((u - 0x10000) >> 10));
                u = 0xdc00 + ((u - 0x10000) & 0x3ff);
            }
            put_unit(&b, u);
        }
        if (b.have > 0) buf_addc(out, base64_imap[b.bits << (6 - b.have) & 63]);
        buf_addc(out, '-');
    }
    return out->error;
}

static bool has_controls(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) return true;
    return false;
}

int imap_mailbox_decode(struct str name, bool utf8, struct arena *arena, struct str *out) {
    struct str result = name;
    BUF_AUTO b = BUF_INIT(IMAP_MAILBOX_MAX);
    if (!utf8 && imap_utf7_decode(name, &b) == 0) {
        result = b.len == name.len ? name : arena_str(arena, buf_str(&b));
        if (result.ptr == NULL) return ERR_NOMEM;
    } else if (!str_is_utf8(name)) {
        return ERR_INVALID;
    }
    if (result.len > IMAP_MAILBOX_MAX || has_controls(result)) return ERR_INVALID;
    *out = result;
    return 0;
}

/* Greedy with one point of return for each kind of wildcard: a "*" makes earlier points of return needless, and "%"
 * never crosses a level, so its latest is enough. The first `fold` bytes of the name have no case. */
static bool match(struct str p, struct str s, size_t fold) {
    size_t i = 0, k = 0, star_i = SIZE_MAX, star_k = 0, pct_i = SIZE_MAX, pct_k = 0;
    for (;;) {
        if (i < p.len && p.ptr[i] == '*') {
            star_i = ++i;
            star_k = k;
            pct_i = SIZE_MAX;
        } else if (i < p.len && p.ptr[i] == '%') {
            pct_i = ++i;
            pct_k = k;
        } else if (i < p.len && k < s.len &&
                   (p.ptr[i] == s.ptr[k] || (k < fold && ascii_upper(p.ptr[i]) == ascii_upper(s.ptr[k])))) {
            i++;
            k++;
        } else if (i == p.len && k == s.len) {
            return true;
        } else if (pct_i != SIZE_MAX && pct_k < s.len && s.ptr[pct_k] != '/') {
            i = pct_i;
            k = ++pct_k;
        } else if (star_i != SIZE_MAX && star_k < s.len) {
            i = star_i;
            k = ++star_k;
            pct_i = SIZE_MAX;
        } else {
            return false;
        }
    }
}

bool imap_list_match(struct str pattern, struct str name) {
    static const size_t inbox = 5;
    bool is_inbox = str_starts_nocase(name, STR("INBOX")) && (name.len == inbox || name.ptr[inbox] == '/');
    return match(pattern, name, is_inbox ? inbox : 0);
}

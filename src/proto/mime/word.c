/* encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="       (RFC 2047 section 2, RFC 2231) */
#include "proto/mime/word.h"

#include "proto/mime/charset.h"

#include <string.h>

enum { WORD_MAX = 64 * 1024, WORD_LEN_MAX = 8192 /* of one encoded-word; RFC 2047 allows 75 */ };

struct word {
    struct str charset, text;
    char encoding;
    size_t len; /* of the whole */
};

static bool match_word(struct str s, struct word *w) {
    if (!str_starts(s, STR("=?"))) return false;
    struct str rest = str_sub(s, 2, s.len);
    ptrdiff_t q = str_find(str_sub(rest, 0, WORD_LEN_MAX), '?');
    if (q <= 0 || (size_t)q + 2 >= rest.len || rest.ptr[q + 2] != '?') return false;
    w->charset = str_sub(rest, 0, (size_t)q);
    w->encoding = ascii_lower(rest.ptr[q + 1]);
    if (w->encoding != 'b' && w->encoding != 'q') return false;
    for (size_t i = 0; i < w->charset.len; i++) {
        if (ascii_isspace(w->charset.ptr[i])) return false;
    }
    struct str text = str_sub(rest, (size_t)q + 3, WORD_LEN_MAX);
    ptrdiff_t end = str_find_str(text, STR("?="));
    if (end == STR_NPOS) return false;
    w->text = str_sub(text, 0, (size_t)end);
    w->len = (size_t)(text.ptr - s.ptr) + (size_t)end + 2;
    ptrdiff_t star = str_find(w->charset, '*');
    if (star != STR_NPOS) w->charset.len = (size_t)star;
    return true;
}

static int hex_value(char c) {
    if (ascii_isdigit(c)) return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `escape` is "=" (Q encoding) or "%" (RFC 2231). */
static void decode_escapes(struct buf *out, struct str text, char escape) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int high = c == escape && i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text.ptr[i + 2]) : -1;
        if (low >= 0) {
            buf_addc(out, (char)(high << 4 | low));
            i += 2;
        } else {
            buf_addc(out, c == '_' && escape == '=' ? ' ' : c);
        }
    }
}

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Lenient: skips what is no base64 digit, wants no padding. */
static void decode_base64(struct buf *out, struct str text) {
    unsigned bits = 0, n = 0;
    for (size_t i = 0; i < text.len; i++) {
        int v = base64_value(text.ptr[i]);
        if (v < 0) continue;
        bits = bits << 6 | (unsigned)v;
        n += 6;
        if (n < 8) continue;
        n -= 8;
        buf_addc(out, (char)(bits >> n & 0xff));
    }
}

static void put_clean(struct buf *out, struct str utf8) {
    for (size_t i = 0; i < utf8.len; i++) {
        unsigned char c = (unsigned char)utf8.ptr[i];
        buf_addc(out, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
}

/* Adjacent words of one charset are converted together: a character may be split between them. */
static size_t decode_words(struct buf *out, struct str text, struct word w) {
    struct charset *charset = charset_find(w.charset);
    BUF_AUTO raw = BUF_INIT(WORD_MAX);
    BUF_AUTO utf8 = BUF_INIT(WORD_MAX * 3);
    if (charset == NULL) {
        (void)charset_decode(charset_find(STR("utf-8")), str_sub(text, 0, w.len), true, true, &utf8);
        put_clean(out, buf_str(&utf8));
        return w.len;
    }
    struct str name = w.charset;
    size_t used = 0;
    for (;;) {
        if (w.encoding == 'b') {
            decode_base64(&raw, w.text);
        } else {
            decode_escapes(&raw, w.text, '=');
        }
        used += w.len;
        size_t next = used;
        while (next < text.len && strchr(" \t\r\n", text.ptr[next]) != NULL && text.ptr[next] != '\0') next++;
        if (!match_word(str_sub(text, next, text.len), &w) || !str_eq_nocase(w.charset, name)) break;
        used = next;
    }
    (void)charset_decode(charset, buf_str(&raw), true, true, &utf8);
    put_clean(out, buf_str(&utf8));
    return used;
}

void word_decode(struct buf *out, struct str text) {
    struct charset *plain = charset_find(STR("utf-8"));
    BUF_AUTO utf8 = BUF_INIT(WORD_MAX);
    bool after_word = false;
    while (text.len > 0) {
        struct word w;
        if (match_word(text, &w)) {
            text = str_sub(text, decode_words(out, text, w), text.len);
            after_word = true;
            continue;
        }
        size_t n = 1;
        while (n < text.len && text.ptr[n] != '=') n++;
        struct str piece = str_sub(text, 0, n);
        text = str_sub(text, n, text.len);
        if (after_word && str_trim(piece).len == 0 && match_word(text, &w)) continue;
        buf_clear(&utf8);
        (void)charset_decode(plain, piece, true, true, &utf8);
        put_clean(out, buf_str(&utf8));
        after_word = false;
    }
}

void word_decode_2231(struct buf *out, struct str value) {
    struct str charset = STR_EMPTY, text = value;
    ptrdiff_t first = str_find(value, '\'');
    ptrdiff_t second = first == STR_NPOS ? STR_NPOS : str_find(str_sub(value, (size_t)first + 1, value.len), '\'');
    if (second != STR_NPOS) {
        charset = str_sub(value, 0, (size_t)first);
        text = str_sub(value, (size_t)first + (size_t)second + 2, value.len);
    }
    struct charset *c = charset_find(charset);
    if (c == NULL) c = charset_find(STR("utf-8"));
    BUF_AUTO raw = BUF_INIT(WORD_MAX);
    BUF_AUTO utf8 = BUF_INIT(WORD_MAX * 3);
    decode_escapes(&raw, text, '%');
    (void)charset_decode(c, buf_str(&raw), true, true, &utf8);
    put_clean(out, buf_str(&utf8));
}

/* Text of others (replies, addresses, subjects) made safe to be shown in a report: no control bytes, no line breaks, no
 * over-long lines. */
#include "proto/dsn/parts.h"

enum { WIDTH = 76 };

static size_t utf8_len(unsigned char c) {
    return c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
}

/* Next character of `*rest` in the form in which it may be shown. */
static struct str shown(struct str *rest, bool utf8) {
    unsigned char c = (unsigned char)rest->ptr[0];
    size_t n = utf8_len(c);
    struct str one = str_sub(*rest, 0, n == 0 ? 1 : n);
    bool good = n == 1 ? (c >= 0x20 && c != 0x7f) : n > 1 && one.len == n && str_is_utf8(one);
    if (!good) one.len = 1;
    *rest = str_sub(*rest, one.len, rest->len);
    if (c == '\r' || c == '\n' || c == '\t') return STR(" ");
    return good && (n == 1 || utf8) ? one : STR("?");
}

void dsn_clean_put(struct buf *out, struct str text, size_t max, bool utf8) {
    size_t used = 0;
    bool blank = true;
    for (struct str rest = str_trim(text); rest.len > 0;) {
        struct str c = shown(&rest, utf8);
        bool is_blank = c.ptr[0] == ' ';
        if (is_blank && blank) continue;
        if ((used += c.len) > max) return;
        buf_add(out, c);
        blank = is_blank;
    }
}

/* Breaks cleaned text at blanks, or anywhere in a word that is longer than a line. */
static void fold(struct buf *out, struct str text, size_t first, const char *separator, size_t indent) {
    for (size_t column = first; text.len > 0;) {
        struct str rest = text, word = str_cut(&rest, ' ');
        bool alone = column <= indent;
        if (!alone && column + 1 + word.len > WIDTH) {
            buf_adds(out, separator);
            column = indent;
            continue;
        }
        size_t room = WIDTH > column ? WIDTH - column : 1, take = word.len;
        if (alone && take > room * 8) { /* only monsters are broken */
            take = room * 8;
            while (take > 1 && ((unsigned char)word.ptr[take] & 0xc0) == 0x80) take--;
            rest = str_sub(text, take, text.len);
        }
        if (!alone) buf_addc(out, ' ');
        buf_add(out, str_sub(word, 0, take));
        column += take + !alone;
        text = rest;
    }
}

void dsn_wrapped_put(struct buf *out, const char *indent, struct str text, bool utf8) {
    BUF_AUTO clean = BUF_INIT(DSN_TEXT_MAX * 4);
    dsn_clean_put(&clean, text, DSN_TEXT_MAX, utf8);
    char separator[32] = "\r\n";
    size_t n = str_from(indent).len;
    for (size_t i = 0; i < n && i < sizeof separator - 3; i++) separator[i + 2] = indent[i];
    buf_adds(out, indent);
    fold(out, buf_str(&clean), n, separator, n);
    buf_adds(out, "\r\n");
}

void dsn_field_put(struct buf *out, const char *name, struct str value, bool utf8) {
    BUF_AUTO clean = BUF_INIT(DSN_TEXT_MAX * 4);
    dsn_clean_put(&clean, value, DSN_TEXT_MAX, utf8);
    buf_adds(out, name);
    buf_addc(out, ':');
    size_t column = str_from(name).len + 1;
    fold(out, buf_str(&clean), column, "\r\n ", 1);
    buf_adds(out, "\r\n");
}

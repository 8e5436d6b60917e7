#include "imapd/preview.h"

#include "proto/mime/html_text.h"

enum { TEXT_MAX = 64 * 1024 };

static bool is_blank(unsigned char c) {
    return c <= ' ' || c == 0x7f;
}

/* Lines that say nothing about the message: quotations, rules, what follows a signature's "-- ". */
static bool skip_line(struct str line) {
    struct str t = str_trim(line);
    if (t.len == 0 || t.ptr[0] == '>') return true;
    for (size_t i = 0; i < t.len; i++)
        if (str_find(STR("-_=*~+#."), t.ptr[i]) == STR_NPOS) return false;
    return t.len > 2;
}

static bool add_words(struct str line, unsigned *left, struct buf *out) {
    for (size_t i = 0; i < line.len;) {
        unsigned char c = (unsigned char)line.ptr[i];
        bool nbsp = c == 0xc2 && i + 1 < line.len && (unsigned char)line.ptr[i + 1] == 0xa0;
        if (is_blank(c) || nbsp) {
            i += nbsp ? 2 : 1;
            if (out->len > 0 && out->ptr[out->len - 1] != ' ') {
                if (*left == 0) return false;
                buf_addc(out, ' ');
                --*left;
            }
            continue;
        }
        size_t n = 1;
        while (i + n < line.len && ((unsigned char)line.ptr[i + n] & 0xc0) == 0x80) n++;
        if (*left == 0) return false;
        buf_add(out, str_sub(line, i, n));
        --*left;
        i += n;
    }
    return true;
}

void preview_text(struct str utf8, bool html, struct buf *out) {
    BUF_AUTO plain = BUF_INIT(TEXT_MAX);
    unsigned left = PREVIEW_CHARACTERS;
    if (html) {
        html_text_strip(utf8, &plain);
        utf8 = buf_str(&plain);
    }
    while (utf8.len > 0) {
        struct str line = str_cut(&utf8, '\n');
        if (str_eq(line, STR("-- ")) || str_eq(line, STR("-- \r"))) break;
        if (skip_line(line)) continue;
        if (!add_words(line, &left, out) || !add_words(STR(" "), &left, out)) break;
    }
    while (out->len > 0 && out->ptr[out->len - 1] == ' ') buf_truncate(out, out->len - 1);
}

/* string = quoted / literal      (RFC 9051 section 4.3) */
#include "proto/mime/header.h"
#include "proto/mime/structure.h"

static bool needs_literal(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x80 || c == '\r' || c == '\n' || c == '\0') return true;
    }
    return false;
}

static void write_literal(struct buf *out, struct str s) {
    buf_printf(out, "{%zu}\r\n", s.len);
    for (size_t i = 0; i < s.len; i++) buf_addc(out, s.ptr[i] == '\0' ? ' ' : s.ptr[i]);
}

void mime_string_write(struct buf *out, struct str s) {
    if (needs_literal(s)) {
        write_literal(out, s);
        return;
    }
    buf_addc(out, '"');
    for (size_t from = 0; from < s.len;) {
        size_t to = from + 1;
        while (to < s.len && s.ptr[to] != '"' && s.ptr[to] != '\\') to++;
        if (s.ptr[from] == '"' || s.ptr[from] == '\\') buf_addc(out, '\\');
        buf_add(out, str_sub(s, from, to - from));
        from = to;
    }
    buf_addc(out, '"');
}

void mime_value_write(struct buf *out, struct str folded) {
    BUF_AUTO text = BUF_INIT(MIME_HEADER_MAX);
    header_unfold(&text, folded);
    mime_string_write(out, buf_str(&text));
}

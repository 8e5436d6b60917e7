#include "cli/foreign.h"

static bool is_pure_crlf(struct str body) {
    for (size_t i = 0; i < body.len; i++) {
        bool after_cr = i > 0 && body.ptr[i - 1] == '\r';
        if (body.ptr[i] == '\n' && !after_cr) return false;
        if (body.ptr[i] != '\n' && after_cr) return false;
    }
    return body.len == 0 || body.ptr[body.len - 1] != '\r';
}

static bool begins_with_lf_line(struct str body) {
    ptrdiff_t first = str_find(body, '\n');
    return first == 0 || (first > 0 && body.ptr[first - 1] != '\r');
}

bool foreign_lines_out(struct str body, struct buf *out) {
    if (!is_pure_crlf(body)) {
        buf_add(out, body);
        return begins_with_lf_line(body);
    }
    while (body.len > 0) {
        ptrdiff_t cr = str_find(body, '\r');
        size_t n = cr < 0 ? body.len : (size_t)cr;
        buf_add(out, str_sub(body, 0, n));
        body = str_sub(body, n + (cr >= 0), body.len);
        if (cr < 0) continue;
        buf_addc(out, '\n');
        body = str_sub(body, 1, body.len);
    }
    return false;
}

void foreign_lines_in(struct str body, struct buf *out) {
    if (!begins_with_lf_line(body)) {
        buf_add(out, body);
        return;
    }
    while (body.len > 0) {
        ptrdiff_t lf = str_find(body, '\n');
        size_t n = lf < 0 ? body.len : (size_t)lf;
        buf_add(out, str_sub(body, 0, n));
        if (lf >= 0) buf_adds(out, n > 0 && body.ptr[n - 1] == '\r' ? "\n" : "\r\n");
        body = str_sub(body, n + (lf >= 0), body.len);
    }
}

void foreign_name_out(struct str level, struct buf *out) {
    for (size_t i = 0; i < level.len; i++) {
        unsigned char c = (unsigned char)level.ptr[i];
        if (c == '/' || c == '.' || c == '%' || c < 0x20 || c == 0x7f)
            buf_printf(out, "%%%02X", c);
        else
            buf_addc(out, (char)c);
    }
}

static int hex(char c) {
    return ascii_isdigit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void foreign_name_in(struct str part, struct buf *out) {
    for (size_t i = 0; i < part.len; i++) {
        int hi = part.ptr[i] == '%' && i + 2 < part.len ? hex(part.ptr[i + 1]) : -1;
        int lo = hi >= 0 ? hex(part.ptr[i + 2]) : -1;
        int c = lo >= 0 ? hi * 16 + lo : -1;
        bool ours = c == '.' || c == '%'; /* "/" and control characters cannot be in a level */
        buf_addc(out, ours ? (char)c : part.ptr[i]);
        if (ours) i += 2;
    }
}

/* base64 and quoted-printable (RFC 2045 section 6.7, 6.8), x-uuencode, then the charset. */
#include "proto/mime/decode.h"

#include "base/arena.h"
#include "proto/mime/charset.h"
#include "proto/mime/header.h"
#include "proto/mime/param.h"

#include <string.h>

enum { PIECE = 4096, FORM_ARENA_MAX = 1024 * 1024 };

enum mime_encoding mime_encoding_from_name(struct str name) {
    static const struct {
        const char *name;
        enum mime_encoding encoding;
    } names[] = {
        {"base64", MIME_BASE64},       {"quoted-printable", MIME_QUOTED_PRINTABLE},
        {"x-uuencode", MIME_UUENCODE}, {"x-uue", MIME_UUENCODE},
        {"uuencode", MIME_UUENCODE},
    };
    name = str_trim(name);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_eq_nocase(name, str_from(names[i].name))) return names[i].encoding;
    }
    return MIME_IDENTITY;
}

void mime_text_form(struct str mime_header, struct mime_text_form *out) {
    *out = (struct mime_text_form){.is_text = true, .encoding = MIME_IDENTITY, .charset = "us-ascii"};
    struct header_field f;
    if (header_find(mime_header, STR("Content-Transfer-Encoding"), &f) == 0) {
        out->encoding = mime_encoding_from_name(f.value);
    }
    if (header_find(mime_header, STR("Content-Type"), &f) != 0) return;
    ARENA_AUTO arena = arena_new(FORM_ARENA_MAX);
    struct mime_value v;
    if (arena == NULL || mime_value_parse(f.value, arena, &v) != 0) return;
    if (str_find(v.main, '/') == STR_NPOS) return; /* malformed counts as text/plain */
    out->is_text = str_starts_nocase(v.main, STR("text/"));
    out->is_html = str_eq_nocase(v.main, STR("text/html"));
    const struct mime_param *charset = mime_param_find(&v, "charset");
    char name[MIME_CHARSET_MAX];
    if (charset != NULL && str_to_cstr(charset->value, name, sizeof name) == 0) memcpy(out->charset, name, sizeof name);
}

void mime_octets_decoder_init(struct mime_text_decoder *d, enum mime_encoding encoding) {
    *d = (struct mime_text_decoder){.encoding = encoding};
}

void mime_text_decoder_init(struct mime_text_decoder *d, enum mime_encoding encoding, struct str charset) {
    mime_octets_decoder_init(d, encoding);
    d->charset = charset_find(charset);
    if (d->charset == NULL) d->charset = charset_find(STR("utf-8"));
}

static int base64_value(unsigned char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void decode_base64(struct mime_text_decoder *d, struct str in, struct buf *out) {
    for (size_t i = 0; i < in.len; i++) {
        int v = base64_value((unsigned char)in.ptr[i]);
        if (v < 0) {
            if (in.ptr[i] == '=') d->bit_count = 0; /* a new run may follow: parts joined by programs */
            continue;
        }
        d->bits = (d->bits << 6 | (unsigned)v) & 0xffff;
        d->bit_count += 6;
        if (d->bit_count < 8) continue;
        d->bit_count -= 8;
        buf_addc(out, (char)(d->bits >> d->bit_count & 0xff));
    }
}

static int hex_value(char c) {
    if (ascii_isdigit(c)) return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void give_escape(struct mime_text_decoder *d, struct buf *out) {
    buf_add(out, str_of(d->escape, d->escape_len));
    d->escape_len = 0;
}

/* One octet behind an "=": "=XX" is an octet, "=" blanks CRLF is nothing, anything else stays as it is. */
static void decode_escape(struct mime_text_decoder *d, char c, struct buf *out) {
    if (c == '\n') {
        d->escape_len = 0;
    } else if (d->escape_len == 1 && (ascii_isspace(c) || c == '\r')) {
        return;
    } else if (hex_value(c) < 0) {
        give_escape(d, out);
        if (c == '=') {
            d->escape[d->escape_len++] = c;
        } else {
            buf_addc(out, c);
        }
    } else {
        d->escape[d->escape_len++] = c;
        if (d->escape_len < 3) return;
        unsigned high = (unsigned)hex_value(d->escape[1]), low = (unsigned)hex_value(d->escape[2]);
        buf_addc(out, (char)(high << 4 | low));
        d->escape_len = 0;
    }
}

/* Blanks that may stand at the end of a line wait in `line`: there they are no text (RFC 2045 section 6.7 (3)). No line
 * that keeps to the limit of that section has more of them than `line` holds; more are text, wherever the pieces end.
 */
static void give_blanks(struct mime_text_decoder *d, struct buf *out) {
    buf_add(out, str_of(d->line, d->line_len));
    d->line_len = 0;
    d->long_blanks = false;
}

static void hold_blanks(struct mime_text_decoder *d, struct str blanks, struct buf *out) {
    if (d->long_blanks || blanks.len > sizeof d->line - d->line_len) {
        give_blanks(d, out);
        buf_add(out, blanks);
        d->long_blanks = true;
        return;
    }
    memcpy(d->line + d->line_len, blanks.ptr, blanks.len);
    d->line_len += (unsigned)blanks.len;
}

static void add_quoted_text(struct mime_text_decoder *d, struct str s, struct buf *out) {
    while (s.len > 0) {
        ptrdiff_t nl = str_find(s, '\n');
        struct str line = str_sub(s, 0, nl == STR_NPOS ? s.len : (size_t)nl);
        size_t n = line.len;
        while (n > 0 && (ascii_isspace(line.ptr[n - 1]) || line.ptr[n - 1] == '\r')) n--;
        if (n > 0) give_blanks(d, out);
        buf_add(out, str_sub(line, 0, n));
        if (n < line.len) hold_blanks(d, str_sub(line, n, SIZE_MAX), out);
        s = str_sub(s, line.len, SIZE_MAX);
        if (nl == STR_NPOS) break;
        if (d->line_len > 0 && d->line[d->line_len - 1] == '\r') buf_addc(out, '\r');
        buf_addc(out, '\n');
        d->line_len = 0;
        d->long_blanks = false;
        s = str_sub(s, 1, SIZE_MAX);
    }
}

static void decode_quoted(struct mime_text_decoder *d, struct str in, bool last, struct buf *out) {
    size_t i = 0;
    while (i < in.len) {
        if (d->escape_len > 0) {
            decode_escape(d, in.ptr[i++], out);
            continue;
        }
        const char *eq = memchr(in.ptr + i, '=', in.len - i);
        size_t n = eq == NULL ? in.len - i : (size_t)(eq - in.ptr) - i;
        add_quoted_text(d, str_sub(in, i, n), out);
        i += n;
        if (eq == NULL) break;
        give_blanks(d, out);
        d->escape[0] = '=';
        d->escape_len = 1;
        i++;
    }
    if (last) give_escape(d, out);
    if (last) d->line_len = 0;
}

static void decode_uu_line(struct mime_text_decoder *d, struct buf *out) {
    struct str line = str_of(d->line, d->line_len);
    d->line_len = 0;
    if (!d->in_uu) {
        d->in_uu = str_starts(line, STR("begin "));
        return;
    }
    if (line.len == 0 || str_starts(line, STR("end"))) {
        d->in_uu = line.len == 0;
        return;
    }
    unsigned want = ((unsigned char)line.ptr[0] - 32u) & 63u;
    for (size_t i = 1; want > 0 && i + 1 < line.len; i += 4) {
        unsigned v = 0;
        for (size_t k = 0; k < 4; k++) {
            v = v << 6 | (i + k < line.len ? ((unsigned char)line.ptr[i + k] - 32u) & 63u : 0);
        }
        for (int shift = 16; shift >= 0 && want > 0; shift -= 8, want--) buf_addc(out, (char)(v >> shift & 0xff));
    }
}

static void decode_uu(struct mime_text_decoder *d, struct str in, bool last, struct buf *out) {
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '\n') {
            decode_uu_line(d, out);
        } else if (c != '\r' && d->line_len < MIME_UU_LINE_MAX) {
            d->line[d->line_len++] = c;
        }
    }
    if (last && d->line_len > 0) decode_uu_line(d, out);
}

static void decode_transfer(struct mime_text_decoder *d, struct str in, bool last, struct buf *out) {
    switch (d->encoding) {
    case MIME_IDENTITY: buf_add(out, in); break;
    case MIME_BASE64: decode_base64(d, in, out); break;
    case MIME_QUOTED_PRINTABLE: decode_quoted(d, in, last, out); break;
    case MIME_UUENCODE: decode_uu(d, in, last, out); break;
    }
}

/* Puts the beginning of a character that was left over before the new octets; keeps what is incomplete again. */
static void convert(struct mime_text_decoder *d, struct buf *octets, bool last, struct buf *out) {
    size_t used = charset_decode(d->charset, buf_str(octets), !d->started, last, out);
    d->started = true;
    d->pending_len = 0;
    if (used >= octets->len) return;
    if (octets->len - used > MIME_PENDING_MAX) used = octets->len - MIME_PENDING_MAX; /* no character is that long */
    d->pending_len = (unsigned)(octets->len - used);
    memcpy(d->pending, octets->ptr + used, d->pending_len);
}

void mime_text_decoder_feed(struct mime_text_decoder *d, struct str in, bool last, struct buf *out) {
    if (d->charset == NULL) {
        decode_transfer(d, in, last, out);
        return;
    }
    BUF_AUTO octets = BUF_INIT(2 * PIECE);
    do {
        struct str piece = str_sub(in, 0, PIECE);
        in = str_sub(in, piece.len, in.len);
        buf_clear(&octets);
        buf_add(&octets, str_of(d->pending, d->pending_len));
        decode_transfer(d, piece, last && in.len == 0, &octets);
        convert(d, &octets, last && in.len == 0, out);
    } while (in.len > 0);
}

#include "proto/mime/unbinary.h"

#include "base/encode.h"
#include "proto/mime/header.h"
#include "proto/mime/param.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEADER_MAX = 256 * 1024, /* a longer header is not looked at, nor what is below it */
    BOUNDARY_MAX = 256,
    DEPTH_MAX = 32,
    LINE_MAX_BYTES = 1024, /* of a boundary line */
    ENCODED_LINE = 57,     /* octets of a line of base64 */
};

struct unbinary {
    char boundary[DEPTH_MAX][BOUNDARY_MAX];
    unsigned depth; /* boundaries that are open */
    bool in_header, encoding;
    bool line_start;
    char eol[2]; /* of the last line: belongs to the boundary line, should one follow */
    unsigned eol_len;
    struct buf hold, header;
    char rest[ENCODED_LINE]; /* octets that are no line of base64 yet */
    unsigned rest_len;
};

struct unbinary *unbinary_new(void) {
    struct unbinary *u = calloc(1, sizeof *u);
    if (u == NULL) return NULL;
    u->in_header = u->line_start = true;
    buf_init(&u->hold, HEADER_MAX + LINE_MAX_BYTES);
    buf_init(&u->header, HEADER_MAX);
    return u;
}

void unbinary_free(struct unbinary *u) {
    if (u == NULL) return;
    buf_done(&u->hold);
    buf_done(&u->header);
    free(u);
}

/* --- octets of a body */
static void encode_line(struct unbinary *u, struct buf *out) {
    if (u->rest_len == 0) return;
    base64_encode(out, str_of(u->rest, u->rest_len));
    buf_adds(out, "\r\n");
    u->rest_len = 0;
}

/* Without NUL. */
static void put_plain(struct str s, struct buf *out) {
    while (s.len > 0) {
        const char *nul = memchr(s.ptr, '\0', s.len);
        size_t n = nul == NULL ? s.len : (size_t)(nul - s.ptr);
        buf_add(out, str_sub(s, 0, n));
        if (nul != NULL) buf_addc(out, (char)0x80);
        s = str_sub(s, nul == NULL ? n : n + 1, SIZE_MAX);
    }
}

static void put_body(struct unbinary *u, struct str s, struct buf *out) {
    while (u->encoding && s.len > 0) {
        size_t n = ENCODED_LINE - u->rest_len < s.len ? ENCODED_LINE - u->rest_len : s.len;
        memcpy(u->rest + u->rest_len, s.ptr, n);
        u->rest_len += (unsigned)n;
        s = str_sub(s, n, SIZE_MAX);
        if (u->rest_len == ENCODED_LINE) encode_line(u, out);
    }
    put_plain(s, out);
}

static void put_eol(struct unbinary *u, struct buf *out) {
    put_body(u, str_of(u->eol, u->eol_len), out);
    u->eol_len = 0;
}

/* The part is at its end. */
static void end_part(struct unbinary *u, struct buf *out) {
    if (u->encoding) {
        encode_line(u, out);
        u->encoding = false;
        u->eol_len = 0; /* base64 has ended its line already */
    } else {
        put_eol(u, out);
    }
}

/* --- headers */
static bool is_token(struct str value, const char *token) {
    header_skip_cfws(&value, NULL);
    struct str t = str_from(token);
    if (!str_starts_nocase(value, t)) return false;
    return value.len == t.len || memchr(" \t\r\n(;", value.ptr[t.len], 6) != NULL;
}

/* The header with its encoding named anew: of a part base64, of what holds parts 8bit. */
static void put_header(struct str header, bool composite, struct buf *out) {
    struct header_field f;
    struct str rest = header;
    while (header_next(&rest, &f)) {
        if (str_eq_nocase(f.name, STR("Content-Transfer-Encoding")) && is_token(f.value, "binary"))
            buf_printf(out, "Content-Transfer-Encoding: %s\r\n", composite ? "8bit" : "base64");
        else
            put_plain(f.raw, out);
    }
    buf_adds(out, "\r\n");
}

static void open_boundary(struct unbinary *u, struct str value) {
    struct mime_value v;
    ARENA_AUTO arena = arena_new(4 * HEADER_MAX);
    if (u->depth == DEPTH_MAX || arena == NULL || mime_value_parse(value, arena, &v) != 0) return;
    const struct mime_param *b = mime_param_find(&v, "boundary");
    if (b == NULL || b->value.len == 0 || str_to_cstr(b->value, u->boundary[u->depth], BOUNDARY_MAX) != 0) return;
    u->depth++;
}

/* The empty line has come. */
static void end_header(struct unbinary *u, struct buf *out) {
    struct str header = buf_str(&u->header);
    struct header_field f;
    bool message = false, multipart = false;
    if (header_find(header, STR("Content-Type"), &f) == 0) {
        struct str value = f.value;
        header_skip_cfws(&value, NULL);
        multipart = str_starts_nocase(value, STR("multipart/"));
        message = is_token(value, "message/rfc822") || is_token(value, "message/global");
        if (multipart) open_boundary(u, f.value);
    }
    bool binary = header_find(header, STR("Content-Transfer-Encoding"), &f) == 0 && is_token(f.value, "binary");
    if (binary) {
        put_header(header, multipart || message, out);
    } else {
        put_body(u, header, out);
        buf_adds(out, "\r\n");
    }
    u->encoding = binary && !multipart && !message;
    u->in_header = message;
    buf_clear(&u->header);
}

static void take_header_line(struct unbinary *u, struct str line, bool start, struct buf *out) {
    if (start && (str_eq(line, STR("\r\n")) || str_eq(line, STR("\n")))) {
        end_header(u, out);
        return;
    }
    buf_add(&u->header, line);
    if (u->header.error == 0) return;
    put_body(u, buf_str(&u->header), out); /* too long */
    put_body(u, line, out);
    buf_clear(&u->header);
    u->in_header = false;
}

/* --- lines */
/* Whether a line that begins with "--" is a boundary, and of which depth; `*last`: it closes the multipart. */
static bool find_boundary(const struct unbinary *u, struct str line, unsigned *depth, bool *last) {
    struct str text = str_sub(line, 2, SIZE_MAX);
    for (unsigned i = u->depth; i-- > 0;) {
        struct str b = str_from(u->boundary[i]);
        if (!str_starts(text, b)) continue;
        struct str behind = str_sub(text, b.len, SIZE_MAX);
        *last = str_starts(behind, STR("--"));
        if (!*last && str_trim(behind).len > 0) continue;
        *depth = i;
        return true;
    }
    return false;
}

static bool take_boundary(struct unbinary *u, struct str line, struct buf *out) {
    unsigned depth;
    bool last;
    if (!str_starts(line, STR("--")) || !find_boundary(u, line, &depth, &last)) return false;
    if (u->in_header) {
        put_body(u, buf_str(&u->header), out);
        buf_clear(&u->header);
    }
    end_part(u, out);
    put_plain(line, out);
    u->depth = last ? depth : depth + 1;
    u->in_header = !last;
    return true;
}

/* Takes a line, or of a long one a piece, off the front of `hold`: false when more must come first. */
static bool step(struct unbinary *u, bool all, struct buf *out) {
    struct str s = buf_str(&u->hold);
    ptrdiff_t nl = str_find(s, '\n');
    bool whole = nl != STR_NPOS;
    struct str line = str_sub(s, 0, whole ? (size_t)nl + 1 : s.len);
    if (s.len == 0 || (!whole && !all && u->line_start && s.len < LINE_MAX_BYTES)) return false;
    bool start = u->line_start;
    u->line_start = whole;
    if (start && take_boundary(u, line, out)) {
        buf_consume(&u->hold, line.len);
        return true;
    }
    if (u->in_header) {
        take_header_line(u, line, start, out);
        buf_consume(&u->hold, line.len);
        return true;
    }
    if (start) put_eol(u, out);
    struct str body = line;
    if (whole) {
        u->eol_len = str_ends(line, STR("\r\n")) ? 2 : 1;
        memcpy(u->eol, line.ptr + line.len - u->eol_len, u->eol_len);
        body.len -= u->eol_len;
    } else if (!all && str_ends(line, STR("\r"))) {
        if (line.len == 1) return false;
        body.len--; /* may be the first half of a line end */
        line.len--;
    }
    put_body(u, body, out);
    buf_consume(&u->hold, line.len);
    return true;
}

int unbinary_feed(struct unbinary *u, struct str bytes, struct buf *out) {
    enum { PIECE = 64 * 1024 };
    while (bytes.len > 0) {
        struct str piece = str_sub(bytes, 0, PIECE);
        buf_add(&u->hold, piece);
        while (step(u, false, out)) continue;
        bytes = str_sub(bytes, piece.len, SIZE_MAX);
    }
    return u->hold.error != 0 ? u->hold.error : out->error;
}

int unbinary_finish(struct unbinary *u, struct buf *out) {
    while (step(u, true, out)) continue;
    if (u->in_header) put_body(u, buf_str(&u->header), out);
    if (u->encoding) { /* the last line end is part of what is encoded */
        put_eol(u, out);
        encode_line(u, out);
    } else {
        put_eol(u, out);
    }
    return out->error;
}

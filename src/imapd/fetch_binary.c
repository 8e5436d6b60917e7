/* BINARY[...] and BINARY.SIZE[...] (RFC 3516, RFC 9051 section 6.4.5): a part with its transfer encoding undone. It is
 * decoded twice, first to know its size, so that memory does not grow with it. */
#include "imapd/fetch.h"

#include "proto/mime/decode.h"
#include "proto/mime/header.h"

#include <string.h>

enum { MIME_HEADER_MAX = 1024 * 1024, PIECE = 64 * 1024, DECODED_MAX = 4 * PIECE, VALUE_MAX = 1000 };

struct binary {
    struct session *s;
    struct content *c;
    struct span at;
    enum mime_encoding encoding;
    uint64_t size;
    bool has_nul;
    uint64_t from, to; /* what of the decoded bytes is to be sent */
};

/* RFC 9051 section 6.4.5: BINARY of an encoding that is not known fails. */
static int take_encoding(struct str header, enum mime_encoding *out) {
    static const char *const known[] = {"7bit",       "8bit",     "binary", "base64", "quoted-printable",
                                        "x-uuencode", "uuencode", "x-uue"};
    struct header_field f;
    BUF_AUTO value = BUF_INIT(VALUE_MAX);
    *out = MIME_IDENTITY;
    if (header_find(header, STR("Content-Transfer-Encoding"), &f) != 0) return 0;
    header_unfold(&value, f.value);
    struct str token = buf_str(&value);
    header_skip_cfws(&token, NULL);
    size_t n = 0;
    while (n < token.len && !ascii_isspace(token.ptr[n]) && token.ptr[n] != '(' && token.ptr[n] != ';') n++;
    token.len = n;
    *out = mime_encoding_from_name(token);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eq_nocase(token, str_from(known[i]))) return 0;
    return ERR_UNSUPPORTED;
}

static int locate(struct binary *x, const struct imap_fetch_body *b) {
    int err = fetch_locate(x->c, b, &x->at);
    if (err != 0 || b->path_len == 0) return err;
    struct summary_part part;
    err = summary_part_find(&x->c->summary, b->path, b->path_len, &part);
    if (err != 0 || part.kind == PART_MULTIPART) return err;
    struct imap_fetch_body mime = *b;
    mime.section = IMAP_SECTION_MIME;
    struct span at;
    BUF_AUTO header = BUF_INIT(MIME_HEADER_MAX);
    err = fetch_locate(x->c, &mime, &at);
    if (err == 0) err = content_read(x->c, at, &header);
    if (err != 0) return err;
    return take_encoding(buf_str(&header), &x->encoding);
}

static void send_part(struct binary *x, struct str decoded, uint64_t offset) {
    uint64_t end = offset + decoded.len;
    if (end <= x->from || offset >= x->to) return;
    size_t skip = offset < x->from ? (size_t)(x->from - offset) : 0;
    size_t stop = end > x->to ? (size_t)(x->to - offset) : decoded.len;
    session_put(x->s, str_sub(decoded, skip, stop - skip));
}

/* One walk over the part: measures, or sends. */
static int walk(struct binary *x, bool send) {
    struct span left = x->at;
    struct mime_text_decoder decoder;
    RPC_REPLY_AUTO hold = {0};
    BUF_AUTO out = BUF_INIT(DECODED_MAX);
    uint64_t offset = 0;
    mime_octets_decoder_init(&decoder, x->encoding);
    while (left.length > 0) {
        struct str piece;
        int err = content_piece(x->c, &left, PIECE, &hold, &piece);
        if (err != 0) return err;
        mime_text_decoder_feed(&decoder, piece, left.length == 0, &out);
        if (out.error != 0) return out.error;
        if (send)
            send_part(x, buf_str(&out), offset);
        else if (out.len > 0 && memchr(out.ptr, '\0', out.len) != NULL)
            x->has_nul = true;
        offset += out.len;
        buf_clear(&out);
        if (stream_error(x->s->stream) != 0) return stream_error(x->s->stream);
    }
    x->size = offset;
    return 0;
}

int fetch_write_binary(struct session *s, const struct imap_fetch_body *b, struct content *c) {
    struct binary x = {.s = s, .c = c};
    int err = locate(&x, b);
    if (err == 0) err = walk(&x, false);
    session_put(s, b->label);
    if (err != 0 || b->kind == IMAP_BODY_BINARY_SIZE) {
        session_printf(s, b->kind == IMAP_BODY_BINARY_SIZE ? " %llu" : " NIL", (unsigned long long)x.size);
        return err == ERR_NOTFOUND ? 0 : err;
    }
    x.from = b->partial ? (b->offset < x.size ? b->offset : x.size) : 0;
    x.to = b->partial && b->length < x.size - x.from ? x.from + b->length : x.size;
    session_printf(s, x.has_nul ? " ~{%llu}\r\n" : " {%llu}\r\n", (unsigned long long)(x.to - x.from));
    err = walk(&x, true);
    if (err != 0) s->closing = true;
    return err;
}

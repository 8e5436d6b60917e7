/* BODY[...] and RFC822.*: locates a section by the part table of the summary and streams it (RFC 9051 section 6.4.5).
 */
#include "imapd/fetch.h"

#include "proto/imap/write.h"
#include "proto/mime/header.h"

enum { HEADERS_MAX = 16 * 1024 * 1024, HEAD_BYTES = 64 };

int fetch_locate(const struct content *c, const struct imap_fetch_body *b, struct span *out) {
    return imap_section_locate(&c->summary, c->record->prefix_len, c->record->size, b, out);
}

static void put_literal_head(struct session *s, struct str label, uint64_t length) {
    char head[HEAD_BYTES], *p = head;
    *p++ = ' ';
    *p++ = '{';
    p = imap_put_number(p, length);
    *p++ = '}';
    *p++ = '\r';
    *p++ = '\n';
    session_put(s, label);
    session_put(s, str_of(head, (size_t)(p - head)));
}

static int put_nil(struct session *s, struct str label, int err) {
    session_put(s, label);
    session_puts(s, " NIL");
    return err == ERR_NOTFOUND ? 0 : err;
}

/* The first piece is read before the length is promised; when a later one fails the connection must end. */
int fetch_write_span(struct session *s, struct str label, struct content *c, struct span at) {
    RPC_REPLY_AUTO hold = {0};
    struct str piece = STR_EMPTY;
    uint64_t length = at.length;
    int err = length > 0 ? content_piece(c, &at, RPC_CHUNK_MAX, &hold, &piece) : 0;
    if (err != 0) return put_nil(s, label, err);
    put_literal_head(s, label, length);
    session_put(s, piece);
    while (at.length > 0) {
        err = content_piece(c, &at, RPC_CHUNK_MAX, &hold, &piece);
        if (err != 0) {
            s->closing = true;
            return err;
        }
        session_put(s, piece);
        if (stream_error(s->stream) != 0) return stream_error(s->stream);
    }
    return 0;
}

static bool is_named(const struct imap_fetch_body *b, struct str name) {
    for (size_t i = 0; i < b->fields; i++)
        if (str_eq_nocase(b->field[i], name)) return true;
    return false;
}

/* HEADER.FIELDS and HEADER.FIELDS.NOT; always with an empty line at the end. */
int fetch_write_fields(struct session *s, const struct imap_fetch_body *b, struct content *c) {
    struct span at;
    BUF_AUTO header = BUF_INIT(HEADERS_MAX);
    BUF_AUTO out = BUF_INIT(HEADERS_MAX + 2);
    int err = fetch_locate(c, b, &at);
    if (err == 0 && at.length > HEADERS_MAX) at.length = HEADERS_MAX;
    if (err == 0 && !(c->has_header && at.offset == 0 && at.length == c->header.len))
        err = content_read(c, at, &header);
    if (err != 0) return put_nil(s, b->label, err);
    struct str rest = header.len > 0 || at.length == 0 ? buf_str(&header) : c->header;
    bool want = b->section == IMAP_SECTION_FIELDS;
    struct header_field f;
    while (header_next(&rest, &f))
        if (f.name.len > 0 && is_named(b, f.name) == want) buf_add(&out, f.raw);
    buf_adds(&out, "\r\n");
    if (out.error != 0) return out.error;
    struct span part = imap_section_cut(b, (struct span){0, out.len});
    put_literal_head(s, b->label, part.length);
    session_put(s, str_sub(buf_str(&out), (size_t)part.offset, (size_t)part.length));
    return 0;
}

int fetch_write_body(struct session *s, const struct imap_fetch_body *b, struct content *c) {
    struct span at;
    s->imapd->count.fetched_bodies++;
    s->fetched++;
    if (b->kind != IMAP_BODY_SECTION) return fetch_write_binary(s, b, c);
    if (b->section == IMAP_SECTION_FIELDS || b->section == IMAP_SECTION_FIELDS_NOT) return fetch_write_fields(s, b, c);
    int err = fetch_locate(c, b, &at);
    if (err != 0) return put_nil(s, b->label, err);
    return fetch_write_span(s, b->label, c, imap_section_cut(b, at));
}

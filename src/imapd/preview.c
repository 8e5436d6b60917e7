#include "imapd/preview.h"

#include "proto/imap/write.h"
#include "proto/mime/decode.h"
#include "proto/mime/header.h"
#include "proto/mime/html_text.h"

enum { HEADER_MAX = 1024 * 1024, TEXT_MAX = 64 * 1024, READ_MAX = 16 * 1024, PREVIEW_BYTES = 4 * PREVIEW_CHARACTERS };

/* The text of a leaf, as far as a preview looks. */
static int read_text(struct content *c, const struct summary_part *part, const struct mime_text_form *form,
                     struct buf *out) {
    struct span at = {c->record->prefix_len + part->body_offset, part->body_len};
    struct mime_text_decoder decoder;
    BUF_AUTO raw = BUF_INIT(READ_MAX);
    if (at.length > READ_MAX) at.length = READ_MAX;
    bool whole = at.length == part->body_len;
    int err = content_read(c, at, &raw);
    mime_text_decoder_init(&decoder, form->encoding, str_from(form->charset));
    if (err == 0) mime_text_decoder_feed(&decoder, buf_str(&raw), whole, out);
    return err;
}

enum kind { NOTHING, PLAIN, HTML };

static int look_at(struct content *c, const struct summary_part *part, struct mime_text_form *form, enum kind *kind) {
    BUF_AUTO header = BUF_INIT(HEADER_MAX);
    struct header_field f;
    struct span at = {c->record->prefix_len + part->header_offset, part->body_offset - part->header_offset};
    *kind = NOTHING;
    if (at.length > HEADER_MAX) return 0;
    int err = content_read(c, at, &header);
    if (err != 0) return err;
    mime_text_form(buf_str(&header), form);
    bool attached = header_find(buf_str(&header), STR("Content-Disposition"), &f) == 0 &&
                    str_starts_nocase(str_trim(f.value), STR("attachment"));
    if (!form->is_text || attached) return 0;
    bool html = header_find(buf_str(&header), STR("Content-Type"), &f) == 0 &&
                str_starts_nocase(str_trim(f.value), STR("text/html"));
    *kind = html ? HTML : PLAIN;
    return 0;
}

/* The first text part that has something to say; plain text is preferred. */
static int make(struct content *c, struct buf *out) {
    enum { PARTS_LOOKED_AT = 10 };
    struct summary_part part;
    size_t pos = 0;
    BUF_AUTO html = BUF_INIT(PREVIEW_BYTES);
    for (unsigned n = 0; n < PARTS_LOOKED_AT && out->len == 0 && summary_part_next(&c->summary, &pos, &part) == 0;
         n++) {
        struct mime_text_form form;
        enum kind kind;
        BUF_AUTO text = BUF_INIT(TEXT_MAX);
        if (part.kind != PART_LEAF || c->record->prefix_len + part.body_offset + part.body_len > c->record->size)
            continue;
        int err = look_at(c, &part, &form, &kind);
        if (err == 0 && kind != NOTHING) err = read_text(c, &part, &form, &text);
        if (err != 0) return err;
        if (kind == PLAIN) preview_text(buf_str(&text), false, out);
        if (kind == HTML && html.len == 0) preview_text(buf_str(&text), true, &html);
    }
    if (out->len == 0) buf_add(out, buf_str(&html));
    return 0;
}

int preview_write(struct content *c) {
    BUF_AUTO text = BUF_INIT(PREVIEW_BYTES);
    BUF_AUTO line = BUF_INIT(2 * PREVIEW_BYTES + HEADER_MAX);
    int err = make(c, &text);
    buf_adds(&line, "PREVIEW ");
    if (err == 0)
        imap_write_string(&line, buf_str(&text), c->s->utf8);
    else
        buf_adds(&line, "NIL");
    session_put(c->s, buf_str(&line));
    return err;
}

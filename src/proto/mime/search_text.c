#include "proto/mime/search_text.h"

#include "base/arena.h"
#include "proto/mime/decode.h"
#include "proto/mime/header.h"
#include "proto/mime/html_text.h"
#include "proto/mime/param.h"
#include "proto/mime/word.h"

enum {
    DECODED_MAX = 16 * 1024 * 1024,
    PIECE = 64 * 1024,
    HTML_MAX = 4 * 1024 * 1024, /* of larger HTML only the source is looked through */
    NAME_ARENA_MAX = 256 * 1024,
};

static int give(const struct search_sink *sink, struct buf *text) {
    if (text->error != 0) return text->error;
    if (text->len == 0) return 0;
    search_fold(text->ptr, text->len);
    return sink->take(sink->arg, buf_str(text), true);
}

/* Names of attachments in the form of RFC 2231, which stands for nothing where it is read as it is. */
static int walk_names(const struct header_field *f, const struct search_sink *sink) {
    ARENA_AUTO arena = arena_new(NAME_ARENA_MAX);
    struct mime_value v;
    if (arena == NULL || mime_value_parse(f->value, arena, &v) != 0) return 0;
    int rc = 0;
    for (const struct mime_param *p = v.params; p != NULL && rc == 0; p = p->next) {
        if (!p->encoded) continue;
        BUF_AUTO text = BUF_INIT(DECODED_MAX);
        mime_param_decode(&text, p);
        rc = give(sink, &text);
    }
    return rc;
}

static bool may_have_names(const struct header_field *f) {
    bool parameters = str_eq_nocase(f->name, STR("Content-Type")) || str_eq_nocase(f->name, STR("Content-Disposition"));
    return parameters && str_find(f->value, '*') != STR_NPOS;
}

/* The name stays as it is: a search in one field sees exactly the end of the unit. */
static int walk_field(const struct header_field *f, const struct search_sink *sink) {
    BUF_AUTO text = BUF_INIT(DECODED_MAX);
    if (f->name.len > 0) {
        buf_add(&text, str_sub(f->raw, 0, (size_t)(f->value.ptr - f->raw.ptr)));
        word_decode(&text, f->value);
    } else {
        word_decode(&text, f->raw);
    }
    int rc = give(sink, &text);
    return rc == 0 && may_have_names(f) ? walk_names(f, sink) : rc;
}

int search_walk_header(struct str header, const struct search_sink *sink) {
    struct header_field f;
    int rc = 0;
    while (rc == 0 && header_next(&header, &f)) rc = walk_field(&f, sink);
    return rc;
}

/* Blanks and line ends of any number become one. */
static void collapse(struct buf *b) {
    size_t to = 0;
    for (size_t i = 0; i < b->len; i++) {
        unsigned char c = (unsigned char)b->ptr[i];
        bool nbsp = c == 0xc2 && i + 1 < b->len && (unsigned char)b->ptr[i + 1] == 0xa0;
        if (c > ' ' && !nbsp) {
            b->ptr[to++] = (char)c;
            continue;
        }
        if (nbsp) i++;
        if (to > 0 && b->ptr[to - 1] != ' ') b->ptr[to++] = ' ';
    }
    buf_truncate(b, to);
}

static int give_html(struct buf *html, const struct search_sink *sink) {
    BUF_AUTO shown = BUF_INIT(HTML_MAX * 2);
    if (html->error != 0) return 0; /* too large */
    html_text_strip(buf_str(html), &shown);
    if (shown.error != 0) return 0;
    collapse(&shown);
    return give(sink, &shown);
}

struct leaf {
    const struct search_source *source;
    const struct search_sink *sink;
    uint64_t offset, left;
    struct buf html;
};

static int walk_leaf(struct leaf *l, const struct mime_text_form *form) {
    struct mime_text_decoder decoder;
    BUF_AUTO text = BUF_INIT(DECODED_MAX);
    int rc = 0;
    bool begins = true;
    mime_text_decoder_init(&decoder, form->encoding, str_from(form->charset));
    while (rc == 0 && l->left > 0) {
        struct str piece;
        rc = l->source->read(l->source->arg, l->offset, l->left < PIECE ? (size_t)l->left : PIECE, &piece);
        if (rc != 0) break;
        l->offset += piece.len;
        l->left -= piece.len;
        buf_clear(&text);
        mime_text_decoder_feed(&decoder, piece, l->left == 0, &text);
        if (text.error != 0) return text.error;
        if (form->is_html) buf_add(&l->html, buf_str(&text));
        if (text.len == 0) continue;
        search_fold(text.ptr, text.len);
        rc = l->sink->take(l->sink->arg, buf_str(&text), begins);
        begins = false;
    }
    return rc == 0 && form->is_html ? give_html(&l->html, l->sink) : rc;
}

/* A delivery status and the like is text too. */
static bool is_message_text(struct str header) {
    struct header_field f;
    return header_find(header, STR("Content-Type"), &f) == 0 && str_starts_nocase(str_trim(f.value), STR("message/"));
}

static int read_header(const struct summary_part *part, const struct search_source *source, struct buf *out) {
    uint64_t at = part->header_offset, end = part->body_offset;
    if (end - at > SEARCH_HEADER_MAX) end = at + SEARCH_HEADER_MAX;
    while (at < end) {
        struct str piece;
        int rc = source->read(source->arg, at, (size_t)(end - at), &piece);
        if (rc != 0) return rc;
        buf_add(out, piece);
        if (out->error != 0) return out->error;
        at += piece.len;
    }
    return 0;
}

static int walk_part(const struct summary_part *part, const struct search_source *source,
                     const struct search_sink *sink) {
    BUF_AUTO header = BUF_INIT(SEARCH_HEADER_MAX);
    struct mime_text_form form;
    int rc = read_header(part, source, &header);
    if (rc == 0 && part->depth > 0) rc = search_walk_header(buf_str(&header), sink);
    if (rc != 0 || part->kind != PART_LEAF) return rc;
    mime_text_form(buf_str(&header), &form);
    if (!form.is_text && !is_message_text(buf_str(&header))) return 0;
    struct leaf l = {.source = source,
                     .sink = sink,
                     .offset = part->body_offset,
                     .left = part->body_len,
                     .html = BUF_INIT(HTML_MAX)};
    rc = walk_leaf(&l, &form);
    buf_done(&l.html);
    return rc;
}

int search_walk_body(const struct summary *summary, const struct search_source *source,
                     const struct search_sink *sink) {
    struct summary_part part;
    size_t pos = 0;
    int rc;
    while ((rc = summary_part_next(summary, &pos, &part)) == 0) {
        if (part.header_offset > part.body_offset || part.body_offset > source->size ||
            part.body_len > source->size - part.body_offset)
            return ERR_CORRUPT;
        rc = walk_part(&part, source, sink);
        if (rc != 0) return rc;
    }
    return rc == ERR_NOTFOUND ? 0 : rc;
}

#include "imapd/search_text.h"

#include "proto/mime/decode.h"
#include "proto/mime/header.h"
#include "proto/mime/word.h"

#include <string.h>

enum { DECODED_MAX = 16 * 1024 * 1024, HEADER_MAX = 1024 * 1024, PIECE = 64 * 1024 };

/* Pairs of upper and lower case that lie `step` apart; in the alternating ranges lower follows upper. */
static uint32_t fold_code_point(uint32_t c) {
    static const struct {
        uint32_t first, last, step;
    } ranges[] = {{0xc0, 0xde, 32},   {0x391, 0x3a9, 32}, {0x410, 0x42f, 32},
                  {0x400, 0x40f, 80}, {0x531, 0x54f, 48}, {0xff21, 0xff3a, 32}};
    static const struct {
        uint32_t first, last; /* first is upper case */
    } alternating[] = {{0x100, 0x12f}, {0x132, 0x137}, {0x139, 0x148}, {0x14a, 0x177},   {0x179, 0x17e},
                       {0x460, 0x481}, {0x48a, 0x4bf}, {0x4d0, 0x52f}, {0x1e00, 0x1e95}, {0x1ea0, 0x1eff}};
    if (c == 0xd7) return c;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last) return c + ranges[i].step;
    for (size_t i = 0; i < sizeof alternating / sizeof *alternating; i++)
        if (c >= alternating[i].first && c <= alternating[i].last)
            return (c - alternating[i].first) % 2 == 0 ? c + 1 : c;
    return c;
}

void search_fold(char *text, size_t len) {
    if (len == 0) return;
    unsigned char *p = (unsigned char *)text, *end = p + len;
    while (p < end) {
        if (*p < 0x80) {
            if (*p >= 'A' && *p <= 'Z') *p += 32;
            p++;
        } else if (*p >= 0xc3 && *p <= 0xdf && end - p >= 2) {
            uint32_t c = fold_code_point((uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f));
            p[0] = (unsigned char)(0xc0 | c >> 6);
            p[1] = (unsigned char)(0x80 | (c & 0x3f));
            p += 2;
        } else if (*p >= 0xe0 && *p <= 0xef && end - p >= 3) {
            uint32_t c = fold_code_point((uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f));
            p[0] = (unsigned char)(0xe0 | c >> 12);
            p[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
            p[2] = (unsigned char)(0x80 | (c & 0x3f));
            p += 3;
        } else {
            p++;
        }
    }
}

static bool contains(struct str text, struct str needle) {
    if (needle.len == 0) return true;
    return text.len >= needle.len && memmem(text.ptr, text.len, needle.ptr, needle.len) != NULL;
}

/* Encoded-words make text longer in bytes than it was written, so both forms are bounded. */
static int decoded_contains(struct str raw, struct str needle) {
    BUF_AUTO text = BUF_INIT(DECODED_MAX);
    word_decode(&text, raw);
    if (text.error != 0) return text.error;
    search_fold(text.ptr, text.len);
    return contains(buf_str(&text), needle);
}

int search_header_field(struct str header, struct str name, struct str needle) {
    struct header_field f;
    while (header_next(&header, &f)) {
        if (f.name.len == 0 || !str_eq_nocase(f.name, name)) continue;
        int found = decoded_contains(f.value, needle);
        if (found != 0) return found;
    }
    return 0;
}

int search_header_text(struct str header, struct str needle) {
    struct header_field f;
    while (header_next(&header, &f)) {
        int found = decoded_contains(f.raw, needle);
        if (found != 0) return found;
    }
    return 0;
}

/* The text of a part is decoded and looked through piece by piece; the end of a piece is kept in front of the next. */
static int search_leaf(struct content *c, const struct mime_text_form *form, struct span at, struct str needle) {
    struct mime_text_decoder decoder;
    BUF_AUTO text = BUF_INIT(DECODED_MAX);
    RPC_REPLY_AUTO hold = {0};
    int found = 0;
    mime_text_decoder_init(&decoder, form->encoding, str_from(form->charset));
    while (found == 0 && at.length > 0) {
        struct str piece;
        found = content_piece(c, &at, PIECE, &hold, &piece);
        if (found != 0) break;
        size_t fresh = text.len;
        mime_text_decoder_feed(&decoder, piece, at.length == 0, &text);
        if (text.error != 0) return text.error;
        if (text.len > fresh) search_fold(text.ptr + fresh, text.len - fresh);
        found = contains(buf_str(&text), needle);
        if (text.len >= needle.len) buf_consume(&text, text.len - (needle.len - 1));
    }
    return found;
}

/* A delivery status and the like is text too. */
static bool is_message_text(struct str header) {
    struct header_field f;
    return header_find(header, STR("Content-Type"), &f) == 0 && str_starts_nocase(str_trim(f.value), STR("message/"));
}

static int search_part(struct content *c, const struct summary_part *part, struct str needle) {
    BUF_AUTO header = BUF_INIT(HEADER_MAX);
    struct mime_text_form form;
    struct span at = {c->record->prefix_len + part->header_offset, part->body_offset - part->header_offset};
    if (at.length > HEADER_MAX) at.length = HEADER_MAX;
    int found = content_read(c, at, &header);
    if (found == 0 && part->depth > 0) found = search_header_text(buf_str(&header), needle);
    if (found != 0 || part->kind != PART_LEAF) return found;
    mime_text_form(buf_str(&header), &form);
    if (!form.is_text && !is_message_text(buf_str(&header))) return 0;
    at = (struct span){c->record->prefix_len + part->body_offset, part->body_len};
    return search_leaf(c, &form, at, needle);
}

int search_body(struct content *c, struct str needle) {
    struct summary_part part;
    size_t pos = 0;
    int err;
    if (needle.len == 0) return 1;
    while ((err = summary_part_next(&c->summary, &pos, &part)) == 0) {
        if (c->record->prefix_len + part.body_offset + part.body_len > c->record->size) return ERR_CORRUPT;
        int found = search_part(c, &part, needle);
        if (found != 0) return found;
    }
    return err == ERR_NOTFOUND ? 0 : err;
}

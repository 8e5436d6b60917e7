#include "proto/imap/section.h"

static struct span part_span(uint64_t prefix, uint64_t size, uint64_t from, uint64_t length) {
    uint64_t offset = prefix + from;
    if (offset > size) return (struct span){size, 0};
    uint64_t room = size - offset;
    return (struct span){offset, length < room ? length : room};
}

static int locate_part(const struct summary *s, uint64_t prefix, uint64_t size, const struct imap_fetch_body *b,
                       struct span *out) {
    struct summary_part part;
    int err = summary_part_find(s, b->path, b->path_len, &part);
    if (err != 0) return err;
    bool own = b->section == IMAP_SECTION_ALL || b->section == IMAP_SECTION_MIME;
    if (!own) err = summary_part_nested(s, &part, &part);
    if (err != 0) return err;
    if (b->section == IMAP_SECTION_ALL || b->section == IMAP_SECTION_TEXT)
        *out = part_span(prefix, size, part.body_offset, part.body_len);
    else
        *out = part_span(prefix, size, part.header_offset, part.body_offset - part.header_offset);
    return 0;
}

int imap_section_locate(const struct summary *s, uint64_t prefix, uint64_t size, const struct imap_fetch_body *b,
                        struct span *out) {
    if (b->path_len > 0) return locate_part(s, prefix, size, b, out);
    struct span header = part_span(0, size, 0, prefix + s->header_len);
    switch (b->section) {
    case IMAP_SECTION_ALL: *out = (struct span){0, size}; break;
    case IMAP_SECTION_TEXT: *out = (struct span){header.length, size - header.length}; break;
    default: *out = header; break;
    }
    return 0;
}

struct span imap_section_cut(const struct imap_fetch_body *b, struct span at) {
    if (!b->partial) return at;
    if (b->offset >= at.length) return (struct span){at.offset + at.length, 0};
    uint64_t room = at.length - b->offset;
    return (struct span){at.offset + b->offset, b->length < room ? b->length : room};
}

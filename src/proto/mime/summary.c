/* The reading side of summary.h. Every length is checked. */
#include "proto/mime/summary.h"

#include <string.h>

enum { PART_BYTES = 1 + 1 + 2 + 8 + 8 + 8, FIXED_BYTES = 1 + 1 + 2 + 4 + 4 + 8 };

static uint64_t get_le(const char *p, unsigned bytes) {
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) v |= (uint64_t)(unsigned char)p[i] << 8 * i;
    return v;
}

static bool take_text(struct str *rest, struct str *out) {
    if (rest->len < 4) return false;
    uint64_t len = get_le(rest->ptr, 4);
    if (len > rest->len - 4) return false;
    *out = str_sub(*rest, 4, len);
    *rest = str_sub(*rest, 4 + len, rest->len);
    return true;
}

int summary_parse_thin(struct str bytes, struct summary *out) {
    if (bytes.len < FIXED_BYTES) return ERR_CORRUPT;
    unsigned version = (unsigned char)bytes.ptr[0];
    if (version == 0 || version > SUMMARY_VERSION) return ERR_CORRUPT;
    struct summary s = {
        .flags = (unsigned char)bytes.ptr[1],
        .received = (unsigned)get_le(bytes.ptr + 2, 2),
        .header_len = (uint32_t)get_le(bytes.ptr + 4, 4),
        .lines = (uint32_t)get_le(bytes.ptr + 8, 4),
        .date = (int64_t)get_le(bytes.ptr + 12, 8),
    };
    struct str rest = str_sub(bytes, FIXED_BYTES, bytes.len);
    struct str *texts[] = {&s.envelope,   &s.bodystructure, &s.body, &s.parts,
                           &s.message_id, &s.base_subject,  &s.from, &s.references};
    size_t count = sizeof texts / sizeof texts[0];
    s.has_references = version > 1;
    s.references = STR_EMPTY;
    if (!s.has_references) count--;
    for (size_t i = 0; i < count; i++) {
        if (!take_text(&rest, texts[i])) return ERR_CORRUPT;
    }
    if (rest.len != 0 || s.parts.len % PART_BYTES != 0) return ERR_CORRUPT;
    *out = s;
    return 0;
}

int summary_parse(struct str bytes, struct summary *out) {
    struct summary s;
    int rc = summary_parse_thin(bytes, &s);
    if (rc != 0) return rc;
    if (s.parts.len == 0) return ERR_CORRUPT;
    *out = s;
    return 0;
}

static char *put_le(char *p, uint64_t v, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++, v >>= 8) *p++ = (char)(v & 0xff);
    return p;
}

void summary_thin(const struct summary *s, struct buf *out) {
    struct str texts[] = {s->envelope,   STR_EMPTY,       STR_EMPTY, STR_EMPTY,
                          s->message_id, s->base_subject, s->from,   s->references};
    size_t count = sizeof texts / sizeof texts[0] - (s->has_references ? 0 : 1), need = FIXED_BYTES;
    for (size_t i = 0; i < count; i++) need += 4 + texts[i].len;
    char *p = buf_reserve(out, need);
    if (p == NULL) return;
    p = put_le(p, s->has_references ? SUMMARY_VERSION : SUMMARY_VERSION - 1, 1);
    p = put_le(put_le(p, s->flags, 1), s->received, 2);
    p = put_le(put_le(p, s->header_len, 4), s->lines, 4);
    p = put_le(p, (uint64_t)s->date, 8);
    for (size_t i = 0; i < count; i++) {
        p = put_le(p, texts[i].len, 4);
        if (texts[i].len > 0) memcpy(p, texts[i].ptr, texts[i].len);
        p += texts[i].len;
    }
    buf_commit(out, need);
}

int summary_part_next(const struct summary *s, size_t *pos, struct summary_part *out) {
    if (*pos >= s->parts.len) return ERR_NOTFOUND;
    if (s->parts.len - *pos < PART_BYTES) return ERR_CORRUPT;
    const char *p = s->parts.ptr + *pos;
    struct summary_part part = {
        .depth = (unsigned char)p[0],
        .kind = (unsigned char)p[1],
        .number = (unsigned)get_le(p + 2, 2),
        .header_offset = get_le(p + 4, 8),
        .body_offset = get_le(p + 12, 8),
        .body_len = get_le(p + 20, 8),
        .next = *pos + PART_BYTES,
    };
    if (part.kind > PART_MESSAGE || part.header_offset > part.body_offset || part.body_len > INT64_MAX)
        return ERR_CORRUPT;
    *out = part;
    *pos = part.next;
    return 0;
}

/* The child of that number; the table is depth-first, so it ends with the first entry that is not deeper. */
static int find_child(const struct summary *s, const struct summary_part *parent, unsigned number,
                      struct summary_part *out) {
    struct summary_part part;
    for (size_t pos = parent->next;;) {
        int rc = summary_part_next(s, &pos, &part);
        if (rc != 0) return rc;
        if (part.depth <= parent->depth) return ERR_NOTFOUND;
        if (part.depth != parent->depth + 1 || part.number != number) continue;
        *out = part;
        return 0;
    }
}

int summary_part_nested(const struct summary *s, const struct summary_part *message, struct summary_part *out) {
    return message->kind == PART_MESSAGE ? find_child(s, message, 1, out) : ERR_NOTFOUND;
}

int summary_part_find(const struct summary *s, const unsigned *path, size_t path_len, struct summary_part *out) {
    struct summary_part at;
    size_t pos = 0;
    int rc = summary_part_next(s, &pos, &at);
    bool is_root = true; /* of a message: "1" may mean the entity itself */
    for (size_t i = 0; i < path_len && rc == 0; i++) {
        if (!is_root && at.kind == PART_MESSAGE) {
            rc = summary_part_nested(s, &at, &at);
            is_root = true;
        }
        if (rc != 0) break;
        if (at.kind == PART_MULTIPART) {
            rc = find_child(s, &at, path[i], &at);
        } else if (!is_root || path[i] != 1) {
            rc = ERR_NOTFOUND;
        }
        is_root = false;
    }
    if (rc == 0) *out = at;
    return rc;
}

/* BODY and BODYSTRUCTURE (RFC 9051 section 7.5.2) and the part table of a summary. */
#include "proto/mime/structure.h"

static void space_and(struct buf *out, struct str s) {
    buf_addc(out, ' ');
    buf_add(out, s);
}

/* What stands for the parts of a multipart that has none: the grammar demands one. */
static void write_no_part(struct buf *out, bool extended) {
    buf_adds(out, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0");
    buf_adds(out, extended ? " NIL NIL NIL NIL)" : ")");
}

static void write_extension(struct buf *out, const struct mime_node *n) {
    space_and(out, n->disposition);
    space_and(out, n->language);
    space_and(out, n->location);
}

static void open_leaf(struct buf *out, const struct mime_node *n) {
    buf_addc(out, '(');
    buf_add(out, n->type);
    space_and(out, n->subtype);
    space_and(out, n->params);
    space_and(out, n->id);
    space_and(out, n->description);
    space_and(out, n->encoding);
    buf_printf(out, " %llu", (unsigned long long)n->body_len);
}

static void close_node(struct buf *out, const struct mime_node *n, bool extended) {
    if (n->kind == PART_MULTIPART) {
        if (n->first == NULL) write_no_part(out, extended);
        space_and(out, n->subtype);
        if (extended) space_and(out, n->params);
    } else {
        if (n->kind == PART_MESSAGE || n->is_text) buf_printf(out, " %llu", (unsigned long long)n->lines);
        if (extended) space_and(out, n->md5);
    }
    if (extended) write_extension(out, n);
    buf_addc(out, ')');
}

static void open_node(struct buf *out, const struct mime_node *n) {
    if (n->kind == PART_MULTIPART) {
        buf_addc(out, '(');
        return;
    }
    open_leaf(out, n);
    if (n->kind != PART_MESSAGE) return;
    space_and(out, n->first->envelope);
    buf_addc(out, ' ');
}

/* Walks without recursion: the depth comes from the message. */
void mime_body_write(struct buf *out, const struct mime_node *root, bool extended) {
    const struct mime_node *n = root;
    open_node(out, n);
    for (;;) {
        if (n->first != NULL) {
            n = n->first;
            open_node(out, n);
            continue;
        }
        close_node(out, n, extended);
        while (n != root && n->next == NULL) {
            n = n->parent;
            close_node(out, n, extended);
        }
        if (n == root) return;
        n = n->next;
        open_node(out, n);
    }
}

size_t mime_node_cost(const struct mime_node *n) {
    enum { FIXED = 120 }; /* numbers, blanks, parentheses and NILs in both forms, and the part table */
    size_t both = n->type.len + n->subtype.len + n->params.len + n->id.len + n->description.len + n->encoding.len;
    size_t extended = n->md5.len + n->disposition.len + n->language.len + n->location.len;
    return FIXED + 2 * both + extended + (n->depth == 0 ? 1 : 2) * n->envelope.len;
}

static void put_le(struct buf *out, uint64_t v, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++, v >>= 8) buf_addc(out, (char)(v & 0xff));
}

static void put_part(struct buf *out, const struct mime_node *n) {
    put_le(out, n->depth, 1);
    put_le(out, n->kind, 1);
    put_le(out, n->number, 2);
    put_le(out, n->header_offset, 8);
    put_le(out, n->body_offset, 8);
    put_le(out, n->body_len, 8);
}

/* The part that write_no_part shows: empty, at the end of its multipart. */
static void put_no_part(struct buf *out, const struct mime_node *parent) {
    uint64_t end = parent->body_offset + parent->body_len;
    put_part(out,
             &(struct mime_node){.depth = parent->depth + 1, .number = 1, .header_offset = end, .body_offset = end});
}

void mime_parts_write(struct buf *out, const struct mime_node *root) {
    const struct mime_node *n = root;
    while (n != NULL) {
        put_part(out, n);
        if (n->kind == PART_MULTIPART && n->first == NULL) put_no_part(out, n);
        if (n->first != NULL) {
            n = n->first;
            continue;
        }
        while (n != NULL && n->next == NULL) n = n->parent;
        if (n != NULL) n = n->next;
    }
}

/* Makes a summary from a message that streams by. Works on lines only where a decision hangs on them (header lines, and
 * lines that begin with "--" while a boundary is open); other octets are only scanned.
 * Invariants: `cur` is the entity whose header or body is being read, and every ancestor of it is unfinished; `offset`
 * and `lf` count the octets and line ends taken so far; what waits in `hold` is not counted. RFC 2045, RFC 2046
 * section 5.1. LF alone ends a line here too (docs/design/violations.md). */
#include "proto/mime/header.h"
#include "proto/mime/scan.h"
#include "proto/mime/structure.h"

#include <stdlib.h>
#include <string.h>

enum { HOLD_MAX = MIME_BOUNDARY_MAX + 8 };
enum state { IN_HEADER, IN_BODY, IN_BOUNDARY_LINE /* the rest of one that was too long to hold */ };
enum line { LINE_MORE, LINE_TEXT, LINE_EMPTY, LINE_BOUNDARY };

struct summary_builder {
    struct arena *arena;
    struct mime_node *root, *cur;
    enum state state;
    bool line_start, header_done, truncated;
    int error;
    struct buf top_header, header, hold;
    uint64_t offset, lf;
    uint64_t floor; /* where the text that is being read began: a line end before it belongs to what is there */
    char tail[2];   /* the last two octets taken */
    unsigned open, parts, flags;
    size_t cost;
    struct mime_top top;
};

static struct mime_node *add_node(struct summary_builder *b, struct mime_node *parent, bool is_root) {
    struct mime_node *n = arena_alloc(b->arena, sizeof *n);
    if (n == NULL) {
        b->error = ERR_NOMEM;
        return NULL;
    }
    n->parent = parent;
    n->is_root = is_root;
    n->number = 1;
    n->header_offset = b->offset;
    if (parent != NULL) {
        n->depth = parent->depth + 1;
        if (parent->last != NULL) {
            n->number = parent->last->number + 1;
            parent->last->next = n;
        } else {
            parent->first = n;
        }
        parent->last = n;
    }
    b->parts++;
    b->cur = n;
    b->state = IN_HEADER;
    buf_clear(&b->header);
    return n;
}

struct summary_builder *summary_builder_new(void) {
    struct summary_builder *b = calloc(1, sizeof *b);
    if (b == NULL) return NULL;
    b->arena = arena_new(MIME_ARENA_MAX);
    if (b->arena == NULL) {
        free(b);
        return NULL;
    }
    buf_init(&b->top_header, MIME_HEADER_MAX);
    buf_init(&b->header, MIME_HEADER_MAX);
    buf_init(&b->hold, HOLD_MAX);
    b->line_start = true;
    b->top.date = INT64_MIN;
    b->root = add_node(b, NULL, true);
    if (b->root != NULL) return b;
    summary_builder_free(b);
    return NULL;
}

void summary_builder_free(struct summary_builder *b) {
    if (b == NULL) return;
    arena_free(b->arena);
    buf_done(&b->top_header);
    buf_done(&b->header);
    buf_done(&b->hold);
    free(b);
}

static struct buf *header_buf(struct summary_builder *b) {
    return b->cur == b->root ? &b->top_header : &b->header;
}

/* ---------------------------------------------------------------- taking octets */

static void count(struct summary_builder *b, struct str s, const struct scan *r) {
    b->offset += s.len;
    b->lf += r->lf;
    if (r->high) b->flags |= b->state == IN_HEADER && b->cur == b->root ? SUMMARY_HEADER_UTF8 : SUMMARY_8BIT;
    if (r->nul) b->flags |= SUMMARY_NUL;
    if (r->bare > 0) b->flags |= SUMMARY_BARE_LF;
    b->tail[0] = s.len > 1 ? s.ptr[s.len - 2] : b->tail[1];
    b->tail[1] = s.ptr[s.len - 1];
}

static void leave_boundary_line(struct summary_builder *b) {
    b->state = b->cur->kind == PART_MULTIPART ? IN_BODY : IN_HEADER;
    if (b->state == IN_HEADER) b->cur->header_offset = b->offset;
}

/* Takes from the front of `*bytes` what belongs to the present state; sets line_start when a decision is due. */
static void take(struct summary_builder *b, struct str *bytes) {
    struct scan r = {.lf = 0};
    struct str s = *bytes;
    if (b->state == IN_BODY) {
        s.len = scan_body(s, b->tail[1], b->open > 0, &r);
    } else {
        s = header_line(&(struct str){s.ptr, s.len});
        (void)scan_body(s, b->tail[1], false, &r);
        if (b->state == IN_HEADER) {
            struct buf *h = header_buf(b);
            if (s.len > h->max - h->len) {
                b->truncated = true;
            } else {
                buf_add(h, s);
            }
            if (h->error == ERR_NOMEM) b->error = ERR_NOMEM;
        }
    }
    count(b, s, &r);
    *bytes = str_sub(*bytes, s.len, bytes->len);
    b->line_start = s.ptr[s.len - 1] == '\n';
    if (b->line_start && b->state == IN_BOUNDARY_LINE) leave_boundary_line(b);
}

/* ---------------------------------------------------------------- entities */

static void begin_body(struct summary_builder *b, struct mime_node *n) {
    n->body_offset = b->floor = b->offset;
    n->body_lf = b->lf;
    b->state = IN_BODY;
}

static bool within_limits(struct summary_builder *b, const struct mime_node *parent) {
    bool room = b->cost < MIME_COST_MAX && arena_used(b->arena) < MIME_ARENA_MAX / 2;
    if (parent->depth < MIME_DEPTH_MAX && b->parts < MIME_PARTS_MAX && room) return true;
    b->truncated = true;
    return false;
}

static void as_leaf(struct summary_builder *b, struct mime_node *n) {
    n->kind = PART_LEAF;
    n->boundary = STR_EMPTY;
    b->truncated = true;
}

static bool in_digest(const struct mime_node *n) {
    return n->parent != NULL && n->parent->kind == PART_MULTIPART &&
           str_eq_nocase(n->parent->subtype, STR("\"digest\""));
}

/* The header of `cur` is complete; `offset` is behind it. */
static void end_header(struct summary_builder *b) {
    struct mime_node *n = b->cur;
    bool is_top = n == b->root;
    if (mime_entity_read(n, buf_str(header_buf(b)), in_digest(n), b->arena, is_top ? &b->top : NULL, &b->truncated) !=
        0) {
        b->error = ERR_NOMEM;
        return;
    }
    if (is_top) b->header_done = true;
    b->cost += mime_node_cost(n);
    begin_body(b, n);
    if (n->is_attachment) b->flags |= SUMMARY_ATTACHMENT;
    if (n->kind != PART_LEAF && !within_limits(b, n)) as_leaf(b, n);
    if (n->kind == PART_MULTIPART && n->boundary.len > 0) {
        n->open = true;
        b->open++;
    }
    if (n->kind == PART_MESSAGE) (void)add_node(b, n, true);
}

/* `eol`: length of the line end before `at` that belongs to the boundary line. */
static void end_node(struct summary_builder *b, struct mime_node *n, uint64_t at, unsigned eol) {
    if (n->open) {
        n->open = false;
        b->open--;
    }
    if (at < b->floor + eol) eol = 0;
    n->body_len = at - eol - n->body_offset;
    n->lines = b->lf - n->body_lf - (eol > 0);
}

/* ---------------------------------------------------------------- boundaries */

static struct str boundary_text(struct str line) {
    size_t len = line.len;
    if (len > 0 && line.ptr[len - 1] == '\n') len--;
    if (len > 0 && line.ptr[len - 1] == '\r') len--;
    return str_sub(line, 2, len - 2);
}

/* RFC 2046 section 5.1.2: it is enough that a line begins with the boundary. The longest that fits is meant. */
static struct mime_node *find_boundary(struct summary_builder *b, struct str line) {
    struct str text = boundary_text(line);
    struct mime_node *best = NULL;
    for (struct mime_node *n = b->cur; n != NULL; n = n->parent) {
        if (!n->open || !str_starts(text, n->boundary)) continue;
        if (best == NULL || n->boundary.len > best->boundary.len) best = n;
    }
    return best;
}

static bool closes(const struct mime_node *n, struct str line) {
    return str_starts(str_sub(boundary_text(line), n->boundary.len, line.len), STR("--"));
}

static unsigned tail_eol(const struct summary_builder *b) {
    return b->tail[1] != '\n' ? 0 : b->tail[0] == '\r' ? 2 : 1;
}

static void take_boundary(struct summary_builder *b, struct mime_node *m, struct str line) {
    if (b->state == IN_HEADER) end_header(b);
    if (b->state == IN_HEADER) end_header(b); /* message/rfc822 without anything in it */
    unsigned eol = tail_eol(b);
    for (struct mime_node *n = b->cur; n != m; n = n->parent) end_node(b, n, b->offset, eol);
    b->cur = m;
    bool last = closes(m, line);
    struct scan r = {.lf = 0};
    (void)scan_body(line, b->tail[1], false, &r);
    b->state = IN_BODY;
    count(b, line, &r);
    b->floor = b->offset;
    if (last) {
        m->open = false;
        b->open--;
    } else if (b->error == 0) {
        (void)add_node(b, m, false);
    }
    b->line_start = line.ptr[line.len - 1] == '\n';
    if (!b->line_start) b->state = IN_BOUNDARY_LINE;
}

/* ---------------------------------------------------------------- lines */

static enum line decide(struct summary_builder *b, struct str line, bool complete, struct mime_node **boundary) {
    char c = line.ptr[0];
    if (b->state == IN_HEADER && c == '\n') return LINE_EMPTY;
    if (b->state == IN_HEADER && c == '\r') {
        if (line.len == 1) return complete ? LINE_TEXT : LINE_MORE;
        return line.ptr[1] == '\n' ? LINE_EMPTY : LINE_TEXT;
    }
    if (c != '-' || b->open == 0) return LINE_TEXT;
    if (line.len == 1) return complete ? LINE_TEXT : LINE_MORE;
    if (line.ptr[1] != '-') return LINE_TEXT;
    if (line.ptr[line.len - 1] != '\n' && line.len < HOLD_MAX && !complete) return LINE_MORE;
    *boundary = find_boundary(b, line);
    if (*boundary == NULL) return LINE_TEXT;
    if (closes(*boundary, line) || within_limits(b, *boundary)) return LINE_BOUNDARY;
    for (struct mime_node *n = b->cur; n != NULL; n = n->parent) n->open = false;
    b->open = 0;
    return LINE_TEXT;
}

/* `*line` is a line's beginning, as much as is known of it. LINE_MORE: nothing was taken. */
static enum line begin_line(struct summary_builder *b, struct str line, bool complete) {
    struct mime_node *boundary = NULL;
    enum line kind = decide(b, line, complete, &boundary);
    switch (kind) {
    case LINE_MORE: break;
    case LINE_TEXT: b->line_start = false; break;
    case LINE_EMPTY: {
        struct str rest = line;
        take(b, &rest);
        end_header(b);
        b->line_start = true;
        break;
    }
    case LINE_BOUNDARY: take_boundary(b, boundary, line); break;
    }
    return kind;
}

/* At most one line, and of a long one only the beginning. */
static struct str line_prefix(struct str bytes, size_t max) {
    struct str s = str_sub(bytes, 0, max);
    return header_line(&s);
}

static void start_line(struct summary_builder *b, struct str *bytes) {
    if (b->state == IN_BODY && b->open == 0) {
        b->line_start = false;
        return;
    }
    if (b->hold.len == 0) {
        struct str line = line_prefix(*bytes, HOLD_MAX);
        enum line kind = begin_line(b, line, false);
        if (kind == LINE_MORE) buf_add(&b->hold, line);
        if (kind != LINE_TEXT) *bytes = str_sub(*bytes, line.len, bytes->len);
        return;
    }
    struct str more = line_prefix(*bytes, HOLD_MAX - b->hold.len);
    buf_add(&b->hold, more);
    *bytes = str_sub(*bytes, more.len, bytes->len);
    struct str line = buf_str(&b->hold);
    enum line kind = begin_line(b, line, false);
    if (kind == LINE_MORE) return;
    while (kind == LINE_TEXT && line.len > 0) take(b, &line);
    buf_clear(&b->hold);
}

void summary_builder_feed(struct summary_builder *b, struct str bytes) {
    while (bytes.len > 0 && b->error == 0) {
        if (b->line_start) {
            start_line(b, &bytes);
        } else {
            take(b, &bytes);
        }
    }
}

/* ---------------------------------------------------------------- result */

static void put_le(struct buf *out, uint64_t v, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++, v >>= 8) buf_addc(out, (char)(v & 0xff));
}

static void put_text(struct buf *out, struct str s) {
    put_le(out, s.len, 4);
    buf_add(out, s);
}

static void put_lengthened(struct buf *out, const struct mime_node *root,
                           void (*write)(struct buf *, const struct mime_node *)) {
    size_t at = out->len;
    put_le(out, 0, 4);
    write(out, root);
    if (out->error != 0) return;
    size_t len = out->len - at - 4;
    for (unsigned i = 0; i < 4; i++) out->ptr[at + i] = (char)(len >> 8 * i & 0xff);
}

static void write_structure(struct buf *out, const struct mime_node *root) {
    mime_body_write(out, root, true);
}

static void write_body(struct buf *out, const struct mime_node *root) {
    mime_body_write(out, root, false);
}

static uint32_t clamp32(uint64_t n) {
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static void end_message(struct summary_builder *b) {
    if (b->hold.len > 0) {
        struct str line = buf_str(&b->hold);
        enum line kind = begin_line(b, line, true);
        while (kind == LINE_TEXT && line.len > 0) take(b, &line);
        buf_clear(&b->hold);
    }
    if (b->state == IN_BOUNDARY_LINE) leave_boundary_line(b);
    while (b->state == IN_HEADER && b->error == 0) end_header(b);
    for (struct mime_node *n = b->cur; n != NULL; n = n->parent) end_node(b, n, b->offset, 0);
}

int summary_builder_finish(struct summary_builder *b, struct buf *out) {
    end_message(b);
    if (b->error != 0) return b->error;
    BUF_AUTO text = BUF_INIT(SUMMARY_MAX);
    put_le(&text, SUMMARY_VERSION, 1);
    put_le(&text, b->flags | (b->truncated ? SUMMARY_TRUNCATED : 0), 1);
    put_le(&text, b->top.received > UINT16_MAX ? UINT16_MAX : b->top.received, 2);
    put_le(&text, clamp32(b->root->body_offset), 4);
    put_le(&text, clamp32(b->root->lines), 4);
    put_le(&text, (uint64_t)b->top.date, 8);
    put_text(&text, b->root->envelope);
    put_lengthened(&text, b->root, write_structure);
    put_lengthened(&text, b->root, write_body);
    put_lengthened(&text, b->root, mime_parts_write);
    put_text(&text, b->top.message_id);
    put_text(&text, b->top.base_subject);
    put_text(&text, b->top.from);
    put_text(&text, b->top.references);
    if (text.error != 0) return ERR_NOMEM;
    buf_add(out, buf_str(&text));
    return out->error;
}

int summary_of(struct str message, struct buf *out) {
    struct summary_builder *b = summary_builder_new();
    if (b == NULL) return ERR_NOMEM;
    summary_builder_feed(b, message);
    int rc = summary_builder_finish(b, out);
    summary_builder_free(b);
    return rc;
}

bool summary_builder_header_done(const struct summary_builder *b) {
    return b->header_done;
}

unsigned summary_builder_header_count(const struct summary_builder *b, const char *field) {
    struct str rest = buf_str(&b->top_header);
    struct header_field f;
    unsigned count = 0;
    while (header_next(&rest, &f)) count += str_eq_nocase(f.name, str_from(field));
    return count;
}

struct str summary_builder_header(struct summary_builder *b, const char *field) {
    struct header_field f;
    if (header_find(buf_str(&b->top_header), str_from(field), &f) != 0) return STR_EMPTY;
    BUF_AUTO text = BUF_INIT(MIME_HEADER_MAX);
    header_unfold(&text, f.value);
    return arena_str(b->arena, buf_str(&text));
}

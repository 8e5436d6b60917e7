#include "index/make.h"

enum { PIECE = 256 * 1024 };

static int take(void *arg, struct str text, bool begins) {
    signature_add(arg, text, begins);
    return 0;
}

static int build_summary(const struct search_source *source, struct buf *hold, struct summary *out) {
    struct summary_builder *b = summary_builder_new();
    if (b == NULL) return ERR_NOMEM;
    int rc = 0;
    for (uint64_t at = 0; at < source->size && rc == 0;) {
        struct str piece;
        rc = source->read(source->arg, at, PIECE, &piece);
        if (rc != 0) break;
        summary_builder_feed(b, piece);
        at += piece.len;
    }
    if (rc == 0) rc = summary_builder_finish(b, hold);
    if (rc == 0) rc = summary_parse(buf_str(hold), out);
    summary_builder_free(b);
    return rc;
}

static int read_header(const struct summary *s, const struct search_source *source, struct buf *out) {
    for (uint64_t at = 0; at < s->header_len && at < source->size;) {
        struct str piece;
        int rc = source->read(source->arg, at, (size_t)(s->header_len - at), &piece);
        if (rc != 0) return rc;
        buf_add(out, piece);
        if (out->error != 0) return out->error;
        at += piece.len;
    }
    return 0;
}

/* A header that begins with a blank goes on in the last line of a delivery prefix; one that is as long as searches look
 * may be cut elsewhere with a prefix before it: neither can be told. */
static bool is_odd(struct str header) {
    return header.len > 0 && (header.ptr[0] == ' ' || header.ptr[0] == '\t');
}

static int walk(struct signature_builder *b, const struct summary *s, const struct search_source *source, bool *odd) {
    struct search_sink sink = {take, b};
    BUF_AUTO header = BUF_INIT(SEARCH_HEADER_MAX / 2);
    int rc = read_header(s, source, &header);
    if (rc != 0) return rc;
    *odd = is_odd(buf_str(&header));
    rc = search_walk_header(buf_str(&header), &sink);
    return rc != 0 ? rc : search_walk_body(s, source, &sink);
}

int index_make(struct signature_builder *b, struct str summary, const struct search_source *source, struct buf *out) {
    struct summary s;
    BUF_AUTO made = BUF_INIT(SUMMARY_MAX);
    bool odd = false;
    int rc = summary.len > 0 ? summary_parse(summary, &s) : ERR_CORRUPT;
    if (rc != 0) rc = build_summary(source, &made, &s);
    if (rc == 0) rc = walk(b, &s, source, &odd);
    bool lost = rc == ERR_NOTFOUND || rc == ERR_IO || rc == ERR_TIMEOUT || rc == ERR_CANCELLED || rc == ERR_CLOSED;
    signature_finish(b, rc != 0 || odd, out); /* also to empty the builder */
    return lost ? rc : out->error;
}

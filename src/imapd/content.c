#include "imapd/content.h"

#include "imapd/store_call.h"
#include "imapd/view.h"
#include "store/blob/pieces.h"

#include <stdlib.h>
#include <string.h>

int content_piece(struct content *c, struct span *left, size_t max, struct rpc_reply *hold, struct str *out) {
    struct str have = c->has_whole ? c->whole : c->header;
    if (max > RPC_CHUNK_MAX) max = RPC_CHUNK_MAX;
    size_t n = left->length < max ? (size_t)left->length : max;
    bool local = c->has_whole || (c->has_header && left->offset + n <= c->header.len);
    if (local) {
        if (left->offset > have.len || n > have.len - left->offset) return ERR_CORRUPT;
        *out = str_sub(have, (size_t)left->offset, n);
    } else {
        Store__MessageRead req = STORE__MESSAGE_READ__INIT;
        rpc_reply_free(hold);
        req.folder = c->folder;
        req.uid = c->record->uid;
        req.offset = left->offset;
        req.length = n;
        int err = session_call(c->s, STORE_MESSAGE_READ, &req, STR_EMPTY, hold, NULL);
        if (err != 0) return err;
        if (hold->attach.len == 0 || hold->attach.len > n) return ERR_CORRUPT;
        *out = hold->attach;
        n = out->len;
    }
    left->offset += n;
    left->length -= n;
    return 0;
}

int content_read(struct content *c, struct span at, struct buf *out) {
    RPC_REPLY_AUTO hold = {0};
    while (at.length > 0) {
        struct str piece;
        int err = content_piece(c, &at, RPC_CHUNK_MAX, &hold, &piece);
        if (err != 0) return err;
        buf_add(out, piece);
        if (out->error != 0) return out->error;
    }
    return 0;
}

struct span content_header(const struct content *c) {
    uint64_t n = (uint64_t)c->record->prefix_len + c->summary.header_len;
    return (struct span){0, n < c->record->size ? n : c->record->size};
}

/* A summary that is damaged or of another version is made from the message. */
static int make_summary(struct content *c) {
    struct summary_builder *b = summary_builder_new();
    if (b == NULL) return ERR_NOMEM;
    RPC_REPLY_AUTO hold = {0};
    struct span left = {c->record->prefix_len, c->record->size - c->record->prefix_len};
    int err = 0;
    while (left.length > 0 && err == 0) {
        struct str piece;
        err = content_piece(c, &left, RPC_CHUNK_MAX, &hold, &piece);
        if (err == 0) summary_builder_feed(b, piece);
    }
    buf_init(&c->made_summary, SUMMARY_MAX);
    if (err == 0) err = summary_builder_finish(b, &c->made_summary);
    if (err == 0) err = summary_parse(buf_str(&c->made_summary), &c->summary);
    summary_builder_free(b);
    return err;
}

static int unpack_whole(struct content *c) {
    const struct message_record *r = c->record;
    if (r->size > RPC_INLINE_MAX || r->prefix_len > r->size || r->prefix_len > r->body.len) return ERR_CORRUPT;
    char *p = malloc((size_t)r->size + 1);
    if (p == NULL) return ERR_NOMEM;
    c->unpacked = p;
    if (r->prefix_len > 0) memcpy(p, r->body.ptr, r->prefix_len);
    struct str pieces = str_sub(r->body, r->prefix_len, r->body.len);
    int rc = pieces_unpack(pieces, p + r->prefix_len, (size_t)r->size - r->prefix_len);
    if (rc == 0) c->whole = str_of(p, (size_t)r->size);
    return rc;
}

int content_open(struct content *c, struct session *s, const struct message_record *r, unsigned fields) {
    return content_open_in(c, s, s->view->folder, r, fields);
}

int content_open_in(struct content *c, struct session *s, uint64_t folder, const struct message_record *r,
                    unsigned fields) {
    *c = (struct content){.s = s, .folder = folder, .record = r, .whole = r->body, .header = r->header};
    c->has_header = (fields & FIELD_HEADER) != 0 && !r->header_too_large;
    if ((fields & FIELD_BODY) != 0 && !r->body_too_large) {
        int rc = fields & FIELD_PACKED ? unpack_whole(c) : 0;
        if (rc != 0) return rc;
        c->has_whole = c->whole.len == r->size;
    }
    if ((fields & (FIELD_SUMMARY | FIELD_ENVELOPE)) == 0) return 0;
    if (r->prefix_len > r->size) return ERR_CORRUPT;
    int err =
        fields & FIELD_SUMMARY ? summary_parse(r->summary, &c->summary) : summary_parse_thin(r->summary, &c->summary);
    return err == 0 ? 0 : make_summary(c);
}

void content_close(struct content *c) {
    buf_done(&c->made_summary);
    free(c->unpacked);
    c->unpacked = NULL;
}

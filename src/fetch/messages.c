/* One folder: its messages in pages, and bodies piece by piece as the caller takes them. The folder is opened for
 * reading only, and no flag is changed. */
#include "fetch/fetch.h"
#include "net/loop.h"

static int on_examine(void *arg, const struct imap_response *r, struct error *err) {
    uint32_t *uidvalidity = arg;
    uint64_t n = 0;
    (void)err;
    if (r->kind == IMAP_RESPONSE_STATE && str_eq_nocase(r->code, STR("UIDVALIDITY")) &&
        str_to_u64(r->code_rest, UINT32_MAX, &n) == 0)
        *uidvalidity = (uint32_t)n;
    return 0;
}

int fetch_on_select(struct rpc_request *r, struct error *err, void *arg) {
    struct fetch *f = arg;
    const Fetch__Select *req = (const Fetch__Select *)r->msg;
    Fetch__Selected reply = FETCH__SELECTED__INIT;
    BUF_AUTO command = BUF_INIT(FETCH_COMMAND_MAX);
    f->exists = f->last_uid = 0;
    f->next = 1;
    buf_adds(&command, "EXAMINE ");
    fetch_quote(rpc_bytes(req->raw), &command);
    int rc = fetch_do(f, buf_str(&command), on_examine, &reply.uidvalidity, err);
    if (rc != 0) return rc;
    reply.exists = f->exists;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* --- list */
struct page {
    struct fetch *f;
    struct arena *arena;
    Fetch__Item **items;
    size_t count;
};

static int copy_item(struct page *p, const struct imap_response *r, Fetch__Item *out) {
    out->uid = r->uid;
    out->size = r->size;
    out->flags = r->flags.system;
    out->keywords = arena_alloc(p->arena, (r->flags.keywords + 1) * sizeof(char *));
    if (out->keywords == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < r->flags.keywords; i++)
        if ((out->keywords[out->n_keywords++] = arena_cstr(p->arena, r->flags.keyword[i])) == NULL) return ERR_NOMEM;
    return 0;
}

static int on_item(void *arg, const struct imap_response *r, struct error *err) {
    struct page *p = arg;
    if (r->kind != IMAP_RESPONSE_FETCH || !r->has_flags || r->uid <= p->f->last_uid || p->count == FETCH_PAGE) return 0;
    Fetch__Item *item = arena_alloc(p->arena, sizeof *item);
    if (item == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    fetch__item__init(item);
    if (copy_item(p, r, item) != 0) return error_set(err, ERR_NOMEM, "the flags of one page are too many");
    p->items[p->count++] = item;
    p->f->last_uid = r->uid;
    return 0;
}

int fetch_on_list(struct rpc_request *r, struct error *err, void *arg) {
    enum { MEMORY_MAX = 32 * 1024 * 1024 };
    struct fetch *f = arg;
    const Fetch__List *req = (const Fetch__List *)r->msg;
    ARENA_AUTO arena = arena_new(MEMORY_MAX);
    struct page p = {.f = f, .arena = arena};
    Fetch__Items reply = FETCH__ITEMS__INIT;
    if (arena != NULL) p.items = arena_alloc(arena, FETCH_PAGE * sizeof(Fetch__Item *));
    if (p.items == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    while (p.count == 0 && f->next <= f->exists) { /* what was expunged meanwhile moved the numbers: see note() */
        BUF_AUTO command = BUF_INIT(FETCH_COMMAND_MAX);
        uint32_t last = f->exists - f->next >= FETCH_PAGE ? f->next + FETCH_PAGE - 1 : f->exists;
        buf_printf(&command, "FETCH %u:%u (UID FLAGS%s)", f->next, last, req->sizes ? " RFC822.SIZE" : "");
        f->next = last + 1;
        int rc = fetch_do(f, buf_str(&command), on_item, &p, err);
        if (rc != 0) return rc;
    }
    reply.items = p.items;
    reply.n_items = p.count;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* --- bodies */
int fetch_on_bodies(struct rpc_request *r, struct error *err, void *arg) {
    struct fetch *f = arg;
    const Fetch__Bodies *req = (const Fetch__Bodies *)r->msg;
    Fetch__Empty reply = FETCH__EMPTY__INIT;
    BUF_AUTO command = BUF_INIT(FETCH_COMMAND_MAX);
    if (req->n_uids == 0 || req->n_uids > FETCH_BODIES_MAX) return error_set(err, ERR_INVALID, "no or too many UIDs");
    buf_adds(&command, "UID FETCH ");
    for (size_t i = 0; i < req->n_uids; i++) buf_printf(&command, "%s%u", i > 0 ? "," : "", req->uids[i]);
    buf_adds(&command, " (UID INTERNALDATE BODY.PEEK[])");
    int rc = fetch_command(f, buf_str(&command), err);
    if (rc == 0) rpc_answer(r, &reply.base, STR_EMPTY);
    return rc;
}

/* Up to one piece of the body that arrives. */
static int take_piece(struct fetch *f, struct buf *out, struct error *err) {
    while (f->body_left > 0 && out->len < FETCH_PIECE) {
        struct str have = stream_peek(f->stream);
        size_t n = have.len < f->body_left ? have.len : (size_t)f->body_left;
        if (n > FETCH_PIECE - out->len) n = FETCH_PIECE - out->len;
        buf_add(out, str_sub(have, 0, n));
        stream_consume(f->stream, n);
        f->body_left -= n;
        if (n > 0) continue;
        int rc = stream_fill(f->stream, f->timeout_ms + loop_now_ms());
        if (rc != 0) {
            fetch_close(f);
            return error_set(err, rc, "the connection to the server broke within a message: %s", err_name(rc));
        }
    }
    if (f->body_left == 0) imap_responses_resume(&f->responses);
    return out->error;
}

static int feed(struct fetch *f, struct str bytes) {
    if (f->summary == NULL) f->summary = summary_builder_new();
    if (f->summary == NULL) return ERR_NOMEM;
    summary_builder_feed(f->summary, bytes);
    return 0;
}

/* The rest of the response that the body stood in; or one without any body. 1: nothing to tell, go on. */
static int end_piece(struct fetch *f, const struct imap_response *r, struct buf *piece, struct buf *summary,
                     Fetch__Piece *out) {
    int rc = 0;
    bool inlined = r->kind == IMAP_RESPONSE_FETCH && f->summary == NULL && r->has_body && !r->body_is_nil;
    if (inlined) {
        buf_add(piece, r->body);
        rc = feed(f, r->body);
    }
    if (rc != 0) return rc;
    if (r->kind != IMAP_RESPONSE_FETCH || !r->has_body || r->body_is_nil || f->summary == NULL) return 1;
    rc = summary_builder_finish(f->summary, summary);
    summary_builder_free(f->summary);
    f->summary = NULL;
    out->uid = r->uid;
    out->date = r->date;
    out->last = true;
    out->summary = rpc_binary(buf_str(summary));
    return rc;
}

/* Reads until there is something to give. */
static int next(struct fetch *f, struct buf *piece, struct buf *summary, Fetch__Piece *out, struct error *err) {
    struct imap_response r;
    for (int rc = 1;;) {
        if (f->body_left > 0) {
            rc = take_piece(f, piece, err);
            if (rc == 0) rc = feed(f, buf_str(piece));
            if (rc != 0 || f->body_left > 0) return rc;
        }
        rc = fetch_response(f, &r, err);
        if (rc == ERR_AGAIN) {
            if (f->summary != NULL) return error_set(err, ERR_CORRUPT, "the server sends a message within another");
            if (f->body_left == 0) imap_responses_resume(&f->responses);
            continue;
        }
        if (rc != 0) return rc;
        if (fetch_is_end(f, &r, &rc, err)) {
            out->end = rc == 0;
            return rc;
        }
        rc = end_piece(f, &r, piece, summary, out);
        if (rc <= 0) return rc;
    }
}

int fetch_on_next(struct rpc_request *r, struct error *err, void *arg) {
    struct fetch *f = arg;
    BUF_AUTO piece = BUF_INIT(FETCH_PIECE + FETCH_TEXT_MAX);
    BUF_AUTO summary = BUF_INIT(SUMMARY_MAX);
    Fetch__Piece reply = FETCH__PIECE__INIT;
    int rc = next(f, &piece, &summary, &reply, err);
    if (rc == 0) rpc_answer(r, &reply.base, buf_str(&piece));
    return rc;
}

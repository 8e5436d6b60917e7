/* SEARCH_CANDIDATES: which messages may hold which needles, by the signatures of their bodies. A message whose body has
 * no signature (yet) may hold all. Signatures that were read stay on the shelf of the folder (shelf.h). */
#include "store/search/signature.h"
#include "store/service/private.h"
#include "store/service/signatures.h"

#include <endian.h>
#include <stdlib.h>

enum { NEEDLES_MAX = 32, PAGE_MESSAGES = 16384, FOUND_RECORD = 8 };

struct candidates {
    struct engine *e;
    uint64_t folder;
    const Store__SearchCandidates *req;
    struct signature_query query[NEEDLES_MAX];
    uint32_t all; /* a bit for each needle */
    const uint32_t *uids;
    size_t count;
    struct shelf *shelf;
    size_t room; /* bytes that the shelf may grow by */
    struct buf out;
    uint64_t told;
    int rc;
};

static uint32_t bits_of(const struct candidates *c, const struct shelf_entry *e) {
    uint32_t bits = 0;
    if (e->signature_len == 0) return c->all;
    for (size_t i = 0; i < c->req->n_needles; i++) {
        struct str extra = c->req->needles[i]->header ? shelf_prefix(e) : STR_EMPTY;
        bool odd = e->odd && extra.len > 0;
        if (odd || signature_may_hold(shelf_signature(e), &c->query[i], extra)) bits |= 1u << i;
    }
    return bits;
}

static void judge(struct candidates *c, const struct shelf_entry *e) {
    c->told += e->signature_len > 0;
    uint32_t bits = bits_of(c, e);
    if (bits == 0) return;
    uint32_t record[2] = {htole32(e->uid), htole32(bits)};
    buf_add(&c->out, str_of(record, sizeof record));
}

/* Those that are told without waiting for an index stay; the others are asked for again the next time. */
static void keep(struct candidates *c, struct shelf_entry **fresh, size_t count) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (fresh[i]->signature_len > 0)
            fresh[n++] = fresh[i];
        else
            free(fresh[i]);
    }
    shelf_put(c->shelf, fresh, n, c->room);
}

static void work(void *arg) {
    struct candidates *c = arg;
    uint32_t *missing = malloc((c->count + 1) * sizeof *missing);
    struct shelf_entry **fresh = calloc(c->count + 1, sizeof *fresh);
    size_t missing_count = 0, fresh_count = 0, at = 0;
    if (missing == NULL || fresh == NULL) c->rc = ERR_NOMEM;
    for (size_t i = 0; i < c->count && c->rc == 0; i++)
        if (shelf_find(c->shelf, &at, c->uids[i]) == NULL) missing[missing_count++] = c->uids[i];
    if (c->rc == 0 && missing_count > 0)
        c->rc = signatures_read(c->e, c->folder, missing, missing_count, fresh, &fresh_count);
    at = 0;
    for (size_t i = 0, next = 0; i < c->count && c->rc == 0; i++) {
        while (next < fresh_count && fresh[next]->uid < c->uids[i]) next++;
        bool is_fresh = next < fresh_count && fresh[next]->uid == c->uids[i];
        const struct shelf_entry *e = is_fresh ? fresh[next] : shelf_find(c->shelf, &at, c->uids[i]);
        if (e != NULL) judge(c, e);
    }
    if (fresh != NULL) keep(c, fresh, fresh_count);
    free(missing);
    free(fresh);
}

static int make_queries(struct candidates *c, struct error *err) {
    size_t n = c->req->n_needles;
    if (n == 0 || n > NEEDLES_MAX) return error_set(err, ERR_INVALID, "1 to %d needles", NEEDLES_MAX);
    c->all = n == NEEDLES_MAX ? UINT32_MAX : (1u << n) - 1;
    for (size_t i = 0; i < n; i++) signature_query_make(rpc_bytes(c->req->needles[i]->text), &c->query[i]);
    return 0;
}

static int select_uids(struct candidates *c, struct folder *f, struct rpc_request *r, uint32_t **uids, bool *more) {
    struct message_selection sel = {0};
    int rc = select_messages(f, c->req->uids, c->req->n_uids, c->req->after_uid, PAGE_MESSAGES + 1, r->arena, &sel);
    if (rc != 0) return rc;
    *more = sel.count > PAGE_MESSAGES;
    c->count = *more ? PAGE_MESSAGES : sel.count;
    *uids = malloc((c->count + 1) * sizeof **uids);
    IEMS_ASSERT(*uids != NULL);
    for (size_t i = 0; i < c->count; i++) (*uids)[i] = f->list[sel.index[i]].uid;
    free(sel.index);
    c->uids = *uids;
    return 0;
}

static int with_shelf(struct service *s, struct candidates *c) {
    struct shelves *all = &s->shelves;
    unsigned inserted = mailboxes_inserted(s->m);
    if (all->inserted != inserted) shelves_clear(all);
    all->inserted = inserted;
    int rc = shelf_take(all, c->folder, &c->shelf);
    if (rc != 0) return rc;
    size_t others = all->bytes < SHELVES_BYTES_MAX / 2 ? all->bytes : SHELVES_BYTES_MAX / 2;
    c->room = SHELVES_BYTES_MAX - others > c->shelf->bytes ? SHELVES_BYTES_MAX - others - c->shelf->bytes : 0;
    rc = store_work(work, c);
    shelf_give(all, c->shelf);
    return rc;
}

static int run(struct service *s, struct rpc_request *r, struct candidates *c, struct folder *f) {
    Store__SearchFound reply = STORE__SEARCH_FOUND__INIT;
    uint32_t *uids = NULL;
    bool more = false;
    int rc = select_uids(c, f, r, &uids, &more);
    if (rc == 0 && c->count > 0) rc = folder_wait_records(f, uids[c->count - 1]);
    folder_unload(f);
    if (rc == 0 && c->count > 0) rc = with_shelf(s, c);
    if (rc == 0) rc = c->rc != 0 ? c->rc : c->out.error;
    if (rc == 0) {
        reply.more = more;
        reply.last_uid = c->count > 0 ? c->uids[c->count - 1] : 0;
        reply.told = c->told;
        rpc_answer(r, &reply.base, buf_str(&c->out));
    }
    free(uids);
    return rc;
}

HANDLER(on_search_candidates) {
    struct service *s = arg;
    struct candidates c = {.e = s->st->engine,
                           .req = (const Store__SearchCandidates *)r->msg,
                           .out = BUF_INIT((PAGE_MESSAGES + 1) * FOUND_RECORD)};
    struct session *session;
    struct folder *f;
    int rc = make_queries(&c, err);
    if (rc != 0) return rc;
    rc = session_pin(r, c.req->session, &session, err);
    if (rc != 0) return rc;
    rc = session_folder(session, c.req->folder, RIGHT_READ, &f, err);
    c.folder = c.req->folder;
    if (rc == 0) rc = folder_load(f);
    if (rc == 0) rc = run(s, r, &c, f);
    session_unpin(session);
    buf_done(&c.out);
    return rc;
}

/* SEARCH_CANDIDATES: which messages may hold which needles, by the signatures of their bodies. A message whose body has
 * no signature (yet) may hold all. */
#include "proto/mime/search_text.h"
#include "store/search/signature.h"
#include "store/service/private.h"

#include <endian.h>
#include <stdlib.h>

enum { NEEDLES_MAX = 32, PAGE_MESSAGES = 16384, SPARSE = 8, FOUND_RECORD = 8 };

struct candidates {
    struct engine *e;
    uint64_t folder;
    const Store__SearchCandidates *req;
    struct signature_query query[NEEDLES_MAX];
    uint32_t all; /* a bit for each needle */
    bool headers; /* some needle is looked for in headers */
    const uint32_t *uids;
    size_t count;
    struct buf out, prefix;
    uint64_t told;
    int rc;
};

struct ask {
    struct candidates *c;
    struct str prefix;
    bool odd; /* what searches see of the prefix is not what stands there */
    uint32_t bits;
};

static void ask(void *arg, struct str signature) {
    struct ask *a = arg;
    a->c->told++;
    a->bits = 0;
    for (size_t i = 0; i < a->c->req->n_needles; i++) {
        struct str extra = a->c->req->needles[i]->header ? a->prefix : STR_EMPTY;
        if ((a->odd && extra.len > 0) || signature_may_hold(signature, &a->c->query[i], extra)) a->bits |= 1u << i;
    }
}

/* Lines that go on, and encoded-words, are read otherwise than they stand. */
static bool is_odd(struct str prefix) {
    return !str_is_ascii(prefix) || str_find_str(prefix, STR("\n ")) != STR_NPOS ||
           str_find_str(prefix, STR("\n\t")) != STR_NPOS || str_find_str(prefix, STR("=?")) != STR_NPOS;
}

static void message(struct candidates *c, uint32_t uid, struct str value) {
    struct message_stored m;
    struct ask a = {.c = c, .bits = c->all};
    if (message_decode(value, &m) != 0) return; /* damaged: it is not listed either */
    if (c->headers && m.prefix.len > 0) {
        buf_clear(&c->prefix);
        buf_add(&c->prefix, m.prefix);
        search_fold(c->prefix.ptr, c->prefix.len);
        a.prefix = buf_str(&c->prefix);
        a.odd = is_odd(a.prefix);
    }
    struct key k = key_of_id(KEY_SIGNATURE, m.blob);
    int rc = engine_visit(c->e, SPACE_META, key_str(&k), READ_ANY, ask, &a);
    if (rc != 0) a.bits = c->all;
    if (a.bits == 0) return;
    uint32_t record[2] = {htole32(uid), htole32(a.bits)};
    buf_add(&c->out, str_of(record, sizeof record));
}

static void by_scan(struct candidates *c) {
    struct key from, to;
    message_key(&from, KEY_MESSAGE, c->folder, c->uids[0]);
    message_key(&to, KEY_MESSAGE, c->folder, c->uids[c->count - 1]);
    key_bytes(&to, str_of("", 1)); /* behind the last */
    struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .once = true};
    struct engine_iter *it;
    struct str k, v;
    c->rc = engine_iter_open(c->e, &r, &it);
    if (c->rc != 0) return;
    for (size_t at = 0; at < c->count && engine_iter_next(c->e, it, &k, &v);) {
        uint32_t uid = key_get_u32(k, 9);
        while (at < c->count && c->uids[at] < uid) at++;
        if (at < c->count && c->uids[at] == uid) message(c, uid, v);
    }
    c->rc = engine_iter_close(c->e, it);
}

struct one {
    struct candidates *c;
    uint32_t uid;
};

static void one(void *arg, struct str value) {
    struct one *o = arg;
    message(o->c, o->uid, value);
}

static void by_get(struct candidates *c) {
    for (size_t i = 0; i < c->count && c->rc == 0; i++) {
        struct one o = {c, c->uids[i]};
        struct key k;
        message_key(&k, KEY_MESSAGE, c->folder, o.uid);
        int rc = engine_visit(c->e, SPACE_META, key_str(&k), READ_ANY, one, &o);
        if (rc != 0 && rc != ERR_NOTFOUND && rc != ERR_CORRUPT) c->rc = rc;
    }
}

static void work(void *arg) {
    struct candidates *c = arg;
    uint32_t span = c->uids[c->count - 1] - c->uids[0];
    if (c->count > 1 && span / SPARSE <= c->count)
        by_scan(c);
    else
        by_get(c);
}

static int make_queries(struct candidates *c, struct error *err) {
    size_t n = c->req->n_needles;
    if (n == 0 || n > NEEDLES_MAX) return error_set(err, ERR_INVALID, "1 to %d needles", NEEDLES_MAX);
    c->all = n == NEEDLES_MAX ? UINT32_MAX : (1u << n) - 1;
    for (size_t i = 0; i < n; i++) {
        signature_query_make(rpc_bytes(c->req->needles[i]->text), &c->query[i]);
        c->headers = c->headers || c->req->needles[i]->header;
    }
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

static int run(struct service *s, struct rpc_request *r, struct candidates *c, struct folder *f) {
    Store__SearchFound reply = STORE__SEARCH_FOUND__INIT;
    uint32_t *uids = NULL;
    bool more = false;
    uint64_t seq = f->seq;
    int rc = select_uids(c, f, r, &uids, &more);
    folder_unload(f);
    if (rc == 0) rc = store_wait_applied(s->st, seq);
    if (rc == 0 && c->count > 0) rc = store_work(work, c);
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
                           .out = BUF_INIT((PAGE_MESSAGES + 1) * FOUND_RECORD),
                           .prefix = BUF_INIT(MESSAGE_PREFIX_MAX * 2)};
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
    buf_done(&c.prefix);
    return rc;
}

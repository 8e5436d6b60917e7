/* INDEX_TAKE, INDEX_READ, INDEX_PUT for iems-index; SEARCH_STATUS and SEARCH_REBUILD for the command line. */
#include "net/loop.h"
#include "store/search/signature.h"
#include "store/service/private.h"

#include <stdlib.h>

enum {
    TAKE_WAIT_MS = 30 * 1000,
    GATHER_MS = 100,         /* bodies that come together are given together */
    BUSY_COMMITS = 40,       /* in GATHER_MS: the store has other things to do, */
    BUSY_READ = 1024 * 1024, /* as it has when so many bytes are read by mailbox clients, */
    BACKLOG_MS = 60 * 1000,  /* but not for longer than this */
    PACK_MS = 20 * 1000,     /* of one put: who puts does not wait for ever */
    ATTACH_MAX = 2 * 1024 * 1024,
    SUMMARY_GIVEN_MAX = 16 * 1024, /* a longer one is made again by who indexes */
    DEATHS_MAX = 2,
    WAITING_TOLD = 100000,
};

/* --- take */
/* Lowest priority: while mail comes in fast, or is read fast, signatures wait. */
static int let_others_go_first(struct service *s) {
    struct index_work *x = &s->index;
    if (x->backlog_since == 0) x->backlog_since = loop_now_ms();
    for (;;) {
        uint64_t commits = commit_last(s->st->commits), read = s->read_bytes;
        int rc = fiber_sleep(GATHER_MS);
        if (rc != 0) return rc;
        bool busy = commit_last(s->st->commits) - commits >= BUSY_COMMITS || s->read_bytes - read >= BUSY_READ;
        if (!busy || loop_now_ms() - x->backlog_since > BACKLOG_MS) return 0;
    }
}

static int say_nothing_of(struct service *s, uint64_t id);

static int look(struct service *s, const struct conn *c, size_t max, uint64_t *list, size_t *count) {
    struct index_work *x = &s->index;
    int rc = blobs_tidy(s->bs, false);
    uint64_t from = x->from, begun = x->begun;
    if (rc == 0) rc = store_wait_applied(s->st, commit_last(s->st->commits));
    if (rc == 0) rc = index_waiting(s, from, list, max, count);
    if (rc != 0) return rc;
    if (*count > 0) {
        if (x->from == from && x->begun == begun) x->from = list[*count - 1] + 1;
        return 0;
    }
    x->backlog_since = 0;
    rc = index_round_next(s, c, list, max, count);
    return rc != 0 || *count > 0 ? rc : blobs_tidy(s->bs, true);
}

/* Waits until there is something, up to TAKE_WAIT_MS. */
static int find(struct service *s, struct conn *c, size_t max, uint64_t *list, size_t *count) {
    struct index_work *x = &s->index;
    uint64_t deadline = loop_now_ms() + TAKE_WAIT_MS;
    *count = 0;
    int rc = let_others_go_first(s);
    while (rc == 0 && !s->closing && x->conn == c) {
        uint64_t told = x->told;
        rc = look(s, c, max, list, count);
        if (rc == 0 && *count == 1 && x->deaths >= DEATHS_MAX && list[0] == x->suspect) {
            *count = 0;
            rc = say_nothing_of(s, x->suspect);
            continue;
        }
        if (rc != 0 || *count > 0) break;
        if (x->told == told) rc = cond_wait(&x->more, deadline);
        if (rc == ERR_TIMEOUT) return 0;
        if (rc == 0) rc = let_others_go_first(s);
    }
    return rc;
}

/* A record for a body that is not there: who asked for it came too late. */
static void forget(struct service *s, uint64_t id) {
    struct key k = key_of_id(KEY_UNINDEXED, id);
    struct batch b;
    batch_init(&b);
    batch_delete(&b, SPACE_META, key_str(&k));
    commit_submit(s->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
}

/* One body as it is given; what is gone or cannot be read is left out, or given without its bytes. */
static Store__IndexBody *make_body(struct service *s, uint64_t id, struct arena *arena, struct buf *attach) {
    Store__IndexBody *b = arena_alloc(arena, sizeof *b);
    struct blob *blob;
    BUF_AUTO summary = BUF_INIT(STORE_VALUE_MAX);
    int rc = b == NULL ? ERR_NOMEM : blob_pin(s->bs, id, &blob);
    if (rc == ERR_NOTFOUND) forget(s, id);
    if (rc != 0) return NULL;
    if (blob->index == BLOB_INDEX_NONE) blob->index = BLOB_INDEX_WAITS;
    store__index_body__init(b);
    b->body = id;
    b->size = blob->size;
    blob_unpin(s->bs, blob);
    if (blob_summary(s->st, id, &summary) == 0 && summary.len <= SUMMARY_GIVEN_MAX)
        b->summary = rpc_binary(arena_str(arena, buf_str(&summary)));
    if (b->summary.data == NULL) b->summary.len = 0;
    if (b->size <= RPC_INLINE_MAX && attach->len + b->size <= ATTACH_MAX)
        b->attached = blob_read(s->st, id, b->size, 0, b->size, attach) == 0;
    return b;
}

static int answer_bodies(struct service *s, struct rpc_request *r, const uint64_t *list, size_t count) {
    Store__IndexBodies reply = STORE__INDEX_BODIES__INIT;
    BUF_AUTO attach = BUF_INIT(ATTACH_MAX);
    reply.bodies = arena_alloc(r->arena, (count + 1) * sizeof(Store__IndexBody *));
    if (reply.bodies == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        Store__IndexBody *b = make_body(s, list[i], r->arena, &attach);
        if (b != NULL) reply.bodies[reply.n_bodies++] = b;
    }
    rpc_answer(r, &reply.base, buf_str(&attach));
    return 0;
}

HANDLER(on_index_take) {
    const Store__IndexTake *req = (const Store__IndexTake *)r->msg;
    struct service *s = arg;
    struct index_work *x = &s->index;
    struct conn *c = conn_of(r);
    uint64_t list[INDEX_TAKE_MAX];
    size_t count = 0, max = req->max == 0 || req->max > INDEX_TAKE_MAX ? INDEX_TAKE_MAX : req->max;
    if (x->conn != NULL && x->conn != c) return error_set(err, ERR_AGAIN, "another process makes the search index");
    x->conn = c;
    x->taken_count = 0;
    int rc = find(s, c, x->careful > 0 ? 1 : max, list, &count);
    if (rc == 0 && x->conn != c) rc = ERR_CLOSED;
    if (rc != 0) return rc;
    if (x->careful > 0 && count > 0) x->careful--;
    for (size_t i = 0; i < count; i++) x->taken[i] = list[i];
    x->taken_count = count;
    return answer_bodies(s, r, list, count);
}

HANDLER(on_index_read) {
    const Store__IndexRead *req = (const Store__IndexRead *)r->msg;
    struct service *s = arg;
    struct blob *blob;
    BUF_AUTO out = BUF_INIT(RPC_CHUNK_MAX);
    uint64_t len = req->length == 0 || req->length > RPC_CHUNK_MAX ? RPC_CHUNK_MAX : req->length;
    int rc = blob_pin(s->bs, req->body, &blob);
    if (rc == 0) {
        rc = blob_read(s->st, req->body, blob->size, req->offset, len, &out);
        blob_unpin(s->bs, blob);
    }
    if (rc != 0) return error_set(err, rc, "body %llu: %s", (unsigned long long)req->body, err_name(rc));
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, buf_str(&out));
    return 0;
}

/* --- put */
struct made {
    struct blob *blob;
    struct str signature;
};

/* Bodies are packed before their signatures are put: after a crash between the two both are made again, and what is
 * packed is left alone. */
static int pack_all(struct service *s, const struct made *list, size_t count) {
    struct blob *blobs[INDEX_TAKE_MAX];
    if (!s->space.accepting) return 0; /* it takes room before it gives some */
    for (size_t i = 0; i < count; i++) blobs[i] = list[i].blob;
    return blobs_pack(s->bs, blobs, count, loop_now_ms() + PACK_MS);
}

/* Nothing may wait between the change in memory and the commit: so all bodies are pinned first. */
static int put_all(struct service *s, struct made *list, size_t count) {
    int rc = pack_all(s, list, count);
    struct batch b;
    batch_init(&b);
    for (size_t i = 0; i < count; i++) {
        if (rc != 0 || list[i].blob == NULL) continue;
        blob_put_signature(s->bs, &b, list[i].blob, list[i].signature);
        s->index.made++;
        s->index.made_bytes += list[i].signature.len;
        s->index.text_bytes += list[i].blob->size;
    }
    for (size_t i = 0; i < count; i++) blob_unpin(s->bs, list[i].blob);
    if (rc == 0 && !batch_empty(&b)) rc = store_commit(s->st, &b, COMMIT_RELAXED, NULL);
    batch_done(&b);
    return rc;
}

/* The body ends whoever looks into it: searches read it themselves. */
static int say_nothing_of(struct service *s, uint64_t id) {
    static const char always[] = {SIGNATURE_VERSION, SIGNATURE_ALWAYS};
    struct made m = {.signature = str_of(always, sizeof always)};
    notice_log(s, "search_body_skipped", "-", "a body ended iems-index twice: it is not in the search index");
    int rc = blob_pin(s->bs, id, &m.blob);
    s->index.suspect = 0;
    s->index.deaths = 0;
    return rc == 0 ? put_all(s, &m, 1) : rc == ERR_NOTFOUND ? 0 : rc;
}

HANDLER(on_index_put) {
    const Store__IndexPut *req = (const Store__IndexPut *)r->msg;
    struct service *s = arg;
    int rc = 0;
    if (req->n_made > INDEX_TAKE_MAX) return error_set(err, ERR_LIMIT, "too many signatures at once");
    struct made *list = arena_alloc(r->arena, (req->n_made + 1) * sizeof *list);
    if (list == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < req->n_made; i++) {
        const Store__IndexMade *m = req->made[i];
        list[i] = (struct made){NULL, rpc_bytes(m->signature)};
        if (!signature_is_current(list[i].signature) || list[i].signature.len > SIGNATURE_MAX) continue;
        if (blob_pin(s->bs, m->body, &list[i].blob) != 0) list[i].blob = NULL;
    }
    rc = put_all(s, list, req->n_made);
    if (rc != 0) return rc;
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* --- status and rebuild */
HANDLER(on_search_status) {
    struct service *s = arg;
    Store__SearchStatus reply = STORE__SEARCH_STATUS__INIT;
    uint64_t *list = malloc(WAITING_TOLD * sizeof *list);
    size_t count = 0;
    if (list == NULL) return ERR_NOMEM;
    int rc = index_waiting(s, 1, list, WAITING_TOLD, &count);
    free(list);
    if (rc != 0) return error_set(err, rc, "the search index cannot be read: %s", err_name(rc));
    reply.connected = s->index.conn != NULL;
    reply.waiting = count;
    reply.waiting_more = count == WAITING_TOLD;
    reply.round = s->index.round;
    reply.round_at = s->index.round_at;
    reply.round_end = store_last_id(s->st);
    reply.made = s->index.made;
    reply.made_bytes = s->index.made_bytes;
    reply.text_bytes = s->index.text_bytes;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

struct marked {
    struct batch b;
    uint64_t first, count;
};

static bool mark_one(void *arg, struct str key, struct str value) {
    struct marked *m = arg;
    struct message_stored st;
    if (key.len != 13 || message_decode(value, &st) != 0) return true;
    struct key k = key_of_id(KEY_UNINDEXED, st.blob);
    batch_put(&m->b, SPACE_META, key_str(&k), STR_EMPTY);
    if (m->first == 0 || st.blob < m->first) m->first = st.blob;
    m->count++;
    return true;
}

/* All bodies of a folder wait. A message that is expunged meanwhile may leave a record behind: it goes when it is met.
 */
static int mark_folder(struct service *s, uint64_t folder, uint64_t *count) {
    struct marked m = {.first = 0};
    struct key from = key_of_id(KEY_MESSAGE, folder), to = from;
    key_end_of_prefix(&to);
    batch_init(&m.b);
    struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .once = true};
    int rc = store_scan(s->st, &r, mark_one, &m);
    if (rc == 0 && !batch_empty(&m.b)) rc = store_commit(s->st, &m.b, COMMIT_RELAXED, NULL);
    batch_done(&m.b);
    if (m.first != 0 && m.first < s->index.from) s->index.from = m.first;
    *count += m.count;
    return rc;
}

static int mark_account(struct service *s, uint64_t id, uint64_t *count) {
    struct account *a;
    int rc = account_pin(s->m, id, STR_EMPTY, false, &a);
    if (rc != 0) return rc;
    size_t n = a->folder_count;
    uint64_t *folders = malloc((n + 1) * sizeof *folders);
    IEMS_ASSERT(folders != NULL);
    for (size_t i = 0; i < n; i++) folders[i] = a->folders[i]->id;
    for (size_t i = 0; i < n && rc == 0; i++) rc = mark_folder(s, folders[i], count);
    free(folders);
    account_unpin(a);
    index_tell(s);
    return rc;
}

HANDLER(on_search_rebuild) {
    const Store__SearchRebuild *req = (const Store__SearchRebuild *)r->msg;
    struct service *s = arg;
    Store__SearchRebuilt reply = STORE__SEARCH_REBUILT__INIT;
    int rc = 0;
    shelves_clear(&s->shelves);
    if (req->account != 0) {
        rc = mark_account(s, req->account, &reply.bodies);
    } else {
        struct batch b;
        batch_init(&b);
        index_round(s, true);
        index_put_round(s, &b);
        rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
        batch_done(&b);
    }
    if (rc != 0) return error_set(err, rc, "the search index cannot be made anew: %s", err_name(rc));
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

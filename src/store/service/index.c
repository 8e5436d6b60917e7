/* What iems-index works on: bodies that have no signature yet. Each has a record (KEY_UNINDEXED), written in the commit
 * that puts the body into a mailbox, so that nothing is forgotten; in memory there is only how far they were given.
 * A round over all bodies (after an upgrade, or asked for) remembers its place in the record of body 0. */
#include "store/service/private.h"

enum { ROUND_VALUE_LEN = 9, ROUND_LOOK = 4096 };

void index_tell(struct service *s) {
    s->index.told++;
    cond_broadcast(&s->index.more);
}

static void waits(void *arg, uint64_t id) {
    struct service *s = arg;
    if (id < s->index.from) s->index.from = id;
    index_tell(s);
}

void index_open(struct service *s) {
    cond_init(&s->index.more);
    s->index.from = 1;
    blobs_on_wait_index(s->bs, waits, s);
}

void index_put_round(struct service *s, struct batch *b) {
    struct key k = key_of_id(KEY_UNINDEXED, 0);
    BUF_AUTO v = BUF_INIT(ROUND_VALUE_LEN);
    wire_u64(&v, s->index.round_at);
    wire_u8(&v, s->index.force);
    if (s->index.round)
        batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
    else
        batch_delete(b, SPACE_META, key_str(&k));
}

void index_round(struct service *s, bool force) {
    s->index.round = true;
    s->index.force = force;
    s->index.round_at = s->index.round_next = 0;
    s->index.begun++;
    index_tell(s);
}

int index_start(struct service *s, struct error *err) {
    struct key k = key_of_id(KEY_UNINDEXED, 0);
    BUF_AUTO v = BUF_INIT(64);
    int rc = store_get(s->st, SPACE_META, key_str(&k), &v);
    if (rc == ERR_NOTFOUND || (rc != 0 && s->st->engine->damaged)) return 0;
    if (rc != 0) return error_set(err, rc, "the state of the search index cannot be read: %s", err_name(rc));
    struct wire w = wire_of(buf_str(&v));
    uint64_t at = wire_get_u64(&w);
    index_round(s, wire_get_u8(&w) != 0);
    if (!w.bad) s->index.round_at = s->index.round_next = at;
    return 0;
}

void index_stop(struct service *s) {
    blobs_stop(s->bs);
    index_tell(s);
}

/* A body on which who took it ended twice, alone, is not given a third time (on_index_take). */
void index_gone(struct service *s, const struct conn *c) {
    struct index_work *x = &s->index;
    if (x->conn != c) return;
    x->conn = NULL;
    x->from = 1;
    x->round_next = x->round_at;
    x->begun++;
    if (x->taken_count == 1) {
        x->deaths = x->taken[0] == x->suspect ? x->deaths + 1 : 1;
        x->suspect = x->taken[0];
    }
    if (x->taken_count > x->careful) x->careful = x->taken_count;
    x->taken_count = 0;
    index_tell(s); /* who waited for it, leaves */
}

struct ids {
    uint64_t *list;
    size_t count, max;
};

static bool take_id(void *arg, struct str key, struct str value) {
    struct ids *ids = arg;
    (void)value;
    if (key.len == 9) ids->list[ids->count++] = key_get_u64(key, 1);
    return ids->count < ids->max;
}

int index_waiting(struct service *s, uint64_t from, uint64_t *list, size_t max, size_t *count) {
    struct key first = key_of_id(KEY_UNINDEXED, from == 0 ? 1 : from);
    unsigned char end = KEY_UNINDEXED + 1;
    struct ids ids = {list, 0, max};
    struct engine_range r = {.space = SPACE_META, .from = key_str(&first), .to = str_of(&end, 1)};
    int rc = store_scan(s->st, &r, take_id, &ids);
    if (rc == 0) *count = ids.count;
    return rc;
}

/* --- the round over all bodies */
struct round_look {
    struct engine *e;
    uint64_t from, next; /* next: behind the last that was looked at */
    bool force, end;
    struct ids ids;
    int rc;
};

static void nothing(void *arg, struct str value) {
    (void)arg;
    (void)value;
}

static void round_look(void *arg) {
    struct round_look *l = arg;
    struct key first = key_of_id(KEY_BLOB, l->from);
    unsigned char end = KEY_BLOB + 1;
    struct engine_range r = {.space = SPACE_META, .from = key_str(&first), .to = str_of(&end, 1), .once = true};
    struct engine_iter *it;
    struct str k, v;
    l->end = true;
    l->rc = engine_iter_open(l->e, &r, &it);
    if (l->rc != 0) return;
    for (size_t looked = 0; engine_iter_next(l->e, it, &k, &v);) {
        if (l->ids.count == l->ids.max || looked++ == ROUND_LOOK) {
            l->end = false;
            break;
        }
        if (k.len != 9) continue;
        uint64_t id = key_get_u64(k, 1);
        struct key sig = key_of_id(KEY_SIGNATURE, id);
        l->next = id + 1;
        bool there = !l->force && engine_visit(l->e, SPACE_META, key_str(&sig), READ_ANY, nothing, NULL) == 0;
        if (!there) l->ids.list[l->ids.count++] = id;
    }
    l->rc = engine_iter_close(l->e, it);
}

static int round_commit(struct service *s, uint64_t at, bool ends) {
    struct batch b;
    batch_init(&b);
    s->index.round_at = at;
    if (ends) s->index.round = false;
    index_put_round(s, &b);
    int rc = store_commit(s->st, &b, COMMIT_RELAXED, NULL);
    batch_done(&b);
    return rc;
}

/* The next bodies of the round; those given before were put. `*count` is 0 when it has ended. */
int index_round_next(struct service *s, const struct conn *c, uint64_t *list, size_t max, size_t *count) {
    int rc = 0;
    *count = 0;
    while (rc == 0 && s->index.round && *count == 0 && s->index.conn == c && !s->closing) {
        struct round_look l = {
            .e = s->st->engine, .from = s->index.round_next, .force = s->index.force, .ids = {list, 0, max}};
        uint64_t begun = s->index.begun;
        l.next = l.from;
        rc = store_work(round_look, &l);
        if (rc == 0) rc = l.rc;
        if (rc != 0) break;
        if (s->index.begun != begun) continue; /* it began anew meanwhile */
        if (l.from != s->index.round_at || (l.end && l.ids.count == 0))
            rc = round_commit(s, l.from, l.end && l.ids.count == 0);
        s->index.round_next = l.next;
        *count = l.ids.count;
    }
    return rc;
}

/* How a transfer begins: what is chosen, its record, and what memory shows of it. */
#include "store/service/transfer.h"

#include "base/clock.h"
#include "store/service/private.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_MAX = 80, RUN_LEN = 16, SPARSE = 8 };

void transfers_init(struct transfers *all) {
    list_init(&all->pending);
    cond_init(&all->changed);
    all->min = TRANSFER_MIN;
    all->slice = TRANSFER_SLICE;
    all->part = TRANSFER_PART;
}

/* --- the choice: sizes stand in the records */
struct sizing {
    struct engine *e;
    const struct transfer_choice *c;
    size_t at;
    int rc;
};

static void take_size(void *arg, struct str value) {
    struct sizing *z = arg;
    struct message_stored m;
    if (message_decode(value, &m) == 0) z->c->sizes[z->at] = m.size;
}

static void sizes_by_scan(struct sizing *z, const uint32_t *uids, size_t count) {
    struct key from, to;
    struct engine_iter *it;
    struct str k, v;
    message_key(&from, KEY_MESSAGE, z->c->from->id, uids[0]);
    message_key(&to, KEY_MESSAGE, z->c->from->id, uids[count - 1]);
    key_bytes(&to, str_of("", 1)); /* behind the last */
    struct engine_range range = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to)};
    z->rc = engine_iter_open(z->e, &range, &it);
    if (z->rc != 0) return;
    while (z->at < count && engine_iter_next(z->e, it, &k, &v)) {
        uint32_t uid = key_get_u32(k, 9);
        while (z->at < count && uids[z->at] < uid) z->at++;
        if (z->at < count && uids[z->at] == uid) take_size(z, v);
    }
    z->rc = engine_iter_close(z->e, it);
}

static void sizes_by_get(struct sizing *z, const uint32_t *uids, size_t count) {
    for (; z->at < count && z->rc == 0; z->at++) {
        struct key k;
        message_key(&k, KEY_MESSAGE, z->c->from->id, uids[z->at]);
        int rc = engine_visit(z->e, SPACE_META, key_str(&k), READ_ANY, take_size, z);
        if (rc != 0 && rc != ERR_NOTFOUND && rc != ERR_CORRUPT) z->rc = rc;
    }
}

static void sizing_work(void *arg) {
    struct sizing *z = arg;
    const struct transfer_choice *c = z->c;
    if ((c->uids[c->count - 1] - c->uids[0]) / SPARSE <= c->count)
        sizes_by_scan(z, c->uids, c->count);
    else
        sizes_by_get(z, c->uids, c->count);
}

/* Of those that are not written yet. True: that was all of them. */
static bool sizes_of_unwritten(const struct service *s, const struct transfer_choice *c) {
    const struct folder *f = c->from;
    size_t known = 0;
    list_foreach(it, &s->transfers.pending) {
        const struct transfer *t = list_entry(it, struct transfer, link);
        if (t->to != f) continue;
        for (size_t i = c->count; i > 0 && c->uids[i - 1] >= t->first; i--) {
            if (c->uids[i - 1] - t->first >= t->count) continue;
            c->sizes[i - 1] = t->sizes[c->uids[i - 1] - t->first];
            known++;
        }
    }
    return known == c->count;
}

/* Leaves those that `is` says yes to. */
static void keep_those(struct transfer_choice *c, bool (*is)(const struct transfer_choice *c, size_t i, size_t *at)) {
    size_t n = 0, at = 0;
    c->bytes = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (!is(c, i, &at)) continue;
        c->uids[n] = c->uids[i];
        c->sizes[n++] = c->sizes[i];
        c->bytes += c->sizes[i];
    }
    c->count = n;
}

static bool has_record(const struct transfer_choice *c, size_t i, size_t *at) {
    (void)at;
    return c->sizes[i] != UINT64_MAX;
}

int transfer_choose(struct service *s, struct transfer_choice *c, struct folder *from, uint32_t *uids, size_t count) {
    *c = (struct transfer_choice){.from = from, .uids = uids, .count = count, .sizes = malloc((count + 1) * 8)};
    struct sizing z = {.e = s->st->engine, .c = c};
    IEMS_ASSERT(c->sizes != NULL);
    memset(c->sizes, 0xff, count * 8);
    bool known = sizes_of_unwritten(s, c);
    int rc = store_wait_applied(s->st, from->seq);
    if (rc == 0 && !known) rc = store_work(sizing_work, &z);
    if (rc == 0) rc = z.rc;
    keep_those(c, has_record);
    return rc;
}

/* Both lists ascend. */
static bool is_there(const struct transfer_choice *c, size_t i, size_t *at) {
    const struct folder *f = c->from;
    if (*at < f->count && f->list[*at].uid != c->uids[i]) *at = folder_find(f, c->uids[i]);
    if (*at == f->count || f->list[*at].uid != c->uids[i]) return false;
    ++*at;
    return true;
}

void transfer_choice_refresh(struct transfer_choice *c) {
    keep_those(c, is_there);
}

void transfer_choice_done(struct transfer_choice *c) {
    free(c->uids);
    free(c->sizes);
    *c = (struct transfer_choice){0};
}

int transfer_wait_turn(struct service *s, struct folder *to) {
    int rc = 0;
    for (;;) {
        if (rc == 0 && s->closing) rc = ERR_CANCELLED;
        if (rc != 0) return rc;
        if (s->transfers.held > 0)
            rc = cond_wait(&s->transfers.changed, DEADLINE_NEVER);
        else if (to != NULL && to->heat == FOLDER_LOADING)
            rc = cond_wait(&to->loaded, DEADLINE_NEVER);
        else
            return 0;
    }
}

/* --- the record */
static struct key part_key(uint64_t id, uint32_t part) {
    struct key k = key_of_id(KEY_TRANSFER, id);
    key_u32(&k, part);
    return k;
}

void transfer_put_head(struct batch *b, const struct transfer *t) {
    struct key k = part_key(t->id, 0);
    BUF_AUTO v = BUF_INIT(HEAD_MAX);
    wire_u8(&v, (uint8_t)t->kind);
    wire_u64(&v, t->from->account->id);
    wire_u64(&v, t->from->id);
    wire_u64(&v, t->to->account->id);
    wire_u64(&v, t->to->id);
    wire_u32(&v, t->first);
    wire_u32(&v, t->count);
    wire_u32(&v, t->made);
    wire_u64(&v, t->modseq);
    wire_u64(&v, (uint64_t)t->save_date);
    IEMS_ASSERT(v.error == 0);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

static void put_part(struct batch *b, const struct transfer *t, uint32_t part, size_t from, size_t to) {
    struct key k = part_key(t->id, part);
    BUF_AUTO v = BUF_INIT(TRANSFER_PART * RUN_LEN);
    for (size_t i = from; i < to; i++) {
        wire_u32(&v, t->runs[i].first);
        wire_u32(&v, t->runs[i].last);
        wire_u64(&v, t->runs[i].flags);
    }
    IEMS_ASSERT(v.error == 0);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

/* All parts but the last are in commits of their own: there may be many. */
static void put_record(struct service *s, struct batch *b, const struct transfer *t) {
    uint32_t part = 0;
    size_t at = 0, most = s->transfers.part;
    for (; t->run_count - at > most; at += most) {
        struct batch own;
        batch_init(&own);
        put_part(&own, t, ++part, at, at + most);
        commit_submit(s->st->commits, &own, COMMIT_RELAXED, NULL, NULL);
        batch_done(&own);
    }
    put_part(b, t, ++part, at, t->run_count);
    transfer_put_head(b, t);
}

void transfer_delete(struct batch *b, uint64_t id) {
    struct key from = key_of_id(KEY_TRANSFER, id), to = from;
    key_end_of_prefix(&to);
    batch_delete_range(b, SPACE_META, key_str(&from), key_str(&to));
}

/* --- it begins */
static uint64_t mapped(const uint64_t map[64], uint64_t flags) {
    uint64_t out = 0;
    for (; flags != 0; flags &= flags - 1) out |= map[__builtin_ctzll(flags)];
    return out;
}

static void add_run(struct transfer *t, size_t *cap, uint32_t uid, uint64_t flags) {
    struct flag_run *last = t->run_count > 0 ? &t->runs[t->run_count - 1] : NULL;
    t->count++;
    if (last != NULL && last->last + 1 == uid && last->flags == flags) {
        last->last = uid;
        return;
    }
    if (t->run_count == *cap) {
        *cap = *cap * 2 + 16;
        t->runs = realloc(t->runs, *cap * sizeof *t->runs);
        IEMS_ASSERT(t->runs != NULL);
    }
    t->runs[t->run_count++] = (struct flag_run){uid, uid, flags};
}

/* The runs, and with `index` where they stand in the list. */
static void take_runs(struct transfer *t, const struct transfer_choice *c, const uint64_t map[64], size_t *index) {
    const struct folder *f = c->from;
    size_t cap = 0, at = 0;
    uint64_t flags = 0, in_target = mapped(map, 0);
    for (size_t i = 0; i < c->count; i++, at++) {
        if (f->list[at].uid != c->uids[i]) at = folder_find(f, c->uids[i]);
        const struct message *m = &f->list[at];
        if (m->flags != flags) in_target = mapped(map, flags = m->flags);
        add_run(t, &cap, m->uid, in_target);
        if (index != NULL) index[i] = at;
    }
}

const struct transfer *transfer_begin(struct service *s, struct batch *b, enum transfer_kind kind,
                                      struct transfer_choice *c, struct folder *to, const uint64_t map[64]) {
    struct transfer *t = calloc(1, sizeof *t);
    size_t *index = kind == TRANSFER_MOVE ? malloc(c->count * sizeof *index) : NULL;
    IEMS_ASSERT(t != NULL && c->count > 0 && (kind == TRANSFER_COPY || index != NULL));
    IEMS_ASSERT(c->from->heat == FOLDER_HOT && to->heat != FOLDER_LOADING && s->transfers.held == 0);
    *t = (struct transfer){.id = store_new_id(s->st), .kind = kind, .from = c->from, .to = to};
    t->save_date = clock_wall_s();
    t->sizes = c->sizes;
    c->sizes = NULL;
    take_runs(t, c, map, index);
    if (index != NULL) folder_list_release(c->from, b, index, c->count, c->bytes, folder_next_modseq(c->from));
    free(index);
    t->first = folder_list_extend(to, b, t->runs, t->run_count, c->bytes);
    t->modseq = to->highestmodseq;
    folder_hold(t->from);
    folder_hold(t->to);
    t->from->sources++;
    if (to->unwritten == 0) to->unwritten = t->first;
    put_record(s, b, t);
    t->seq = commit_last(s->st->commits) + 1;
    t->from->seq = t->to->seq = t->seq;
    list_push_back(&s->transfers.pending, &t->link);
    transfers_start(s);
    return t;
}

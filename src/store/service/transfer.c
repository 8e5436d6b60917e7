#include "store/service/transfer.h"
#include "store/service/private.h"

#include <stdio.h>
#include <stdlib.h>

enum { RUNS_MAX = 64 * 1024, HEAD_LEN = 41, RUN_LEN = 8, KEY_LEN = 13 };

static struct key part_key(const struct transfer *t, uint32_t part) {
    struct key k = key_of_id(KEY_TRANSFER, t->id);
    key_u32(&k, part);
    return k;
}

static void put_runs(struct batch *b, struct transfer *t, const struct uid_run *runs, size_t count) {
    BUF_AUTO v = BUF_INIT(RUNS_MAX * RUN_LEN);
    struct key k = part_key(t, ++t->parts);
    for (size_t i = 0; i < count; i++) {
        wire_u32(&v, runs[i].first);
        wire_u32(&v, runs[i].last);
    }
    IEMS_ASSERT(v.error == 0);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

void transfer_begin(struct service *s, struct batch *b, struct transfer *t, const struct folder *from,
                    const struct folder *to, const struct uid_run *runs, size_t count) {
    t->id = store_new_id(s->st);
    t->from.account = from->account->id;
    t->from.folder = from->id;
    t->to.account = to->account->id;
    t->to.folder = to->id;
    for (size_t at = 0; at < count; at += RUNS_MAX) { /* in commits of their own: there may be many */
        struct batch own;
        batch_init(&own);
        put_runs(&own, t, runs + at, count - at < RUNS_MAX ? count - at : RUNS_MAX);
        commit_submit(s->st->commits, &own, COMMIT_RELAXED, NULL, NULL);
        batch_done(&own);
    }
    BUF_AUTO v = BUF_INIT(HEAD_LEN);
    struct key k = part_key(t, 0);
    wire_u8(&v, (uint8_t)t->kind);
    wire_u64(&v, t->from.account);
    wire_u64(&v, t->from.folder);
    wire_u64(&v, t->to.account);
    wire_u64(&v, t->to.folder);
    wire_u64(&v, t->may);
    IEMS_ASSERT(v.error == 0);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

void transfer_made(struct batch *b, struct transfer *t, struct uid_run run) {
    put_runs(b, t, &run, 1);
}

int transfer_end(struct service *s, struct transfer *t) {
    struct key from = key_of_id(KEY_TRANSFER, t->id), to = from;
    struct batch b;
    key_end_of_prefix(&to);
    batch_init(&b);
    batch_delete_range(&b, SPACE_META, key_str(&from), key_str(&to));
    int rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    return rc;
}

/* --- what the last run left */
struct left {
    struct transfer t;
    bool head, bad;
    struct uid_run *runs;
    size_t count, cap;
};

static void take_head(struct left *l, struct str value) {
    struct wire w = wire_of(value);
    uint8_t kind = wire_get_u8(&w);
    l->t.from.account = wire_get_u64(&w);
    l->t.from.folder = wire_get_u64(&w);
    l->t.to.account = wire_get_u64(&w);
    l->t.to.folder = wire_get_u64(&w);
    l->t.may = wire_get_u64(&w);
    l->t.kind = (enum transfer_kind)kind;
    l->head = true;
    l->bad = l->bad || w.bad || (kind != TRANSFER_COPY && kind != TRANSFER_MOVE);
}

static void take_runs(struct left *l, struct str value) {
    size_t n = value.len / RUN_LEN;
    if (l->count + n > l->cap) {
        l->cap = (l->cap + n) * 2;
        l->runs = realloc(l->runs, l->cap * sizeof *l->runs);
        IEMS_ASSERT(l->runs != NULL);
    }
    for (struct wire w = wire_of(str_of(value.ptr, n * RUN_LEN)); w.rest.len > 0; l->count++) {
        l->runs[l->count].first = wire_get_u32(&w);
        l->runs[l->count].last = wire_get_u32(&w);
    }
}

/* The records of the first one there is. */
static bool left_one(void *arg, struct str key, struct str value) {
    struct left *l = arg;
    if (key.len < KEY_LEN) return true;
    uint64_t id = key_get_u64(key, 1);
    if (l->t.id != 0 && id != l->t.id) return false;
    l->t.id = id;
    if (key_get_u32(key, 9) == 0)
        take_head(l, value);
    else
        take_runs(l, value);
    return true;
}

static int pin_folder(struct service *s, uint64_t account, uint64_t folder, struct account **a, struct folder **out) {
    int rc = account_pin(s->m, account, STR_EMPTY, false, a);
    if (rc != 0) return rc;
    struct folder *f = account_folder_by_id(*a, folder);
    if (f == NULL) return ERR_NOTFOUND;
    rc = folder_load(f);
    if (rc == 0) *out = f;
    return rc;
}

static void tell(struct service *s, const struct left *l, const struct folder *to) {
    char text[120];
    (void)snprintf(text, sizeof text, "account=%llu folder=%llu messages=%llu", (unsigned long long)l->t.to.account,
                   (unsigned long long)to->id, (unsigned long long)to->messages);
    notice_log(s, l->t.kind == TRANSFER_MOVE ? "move-finished" : "copy-undone", "-", text);
}

/* Folders and accounts that are not there any more took their messages along. */
static int left_finish(struct service *s, struct left *l) {
    struct account *of_from = NULL, *of_to = NULL;
    struct folder *from = NULL, *to = NULL;
    int rc = pin_folder(s, l->t.to.account, l->t.to.folder, &of_to, &to);
    if (rc == 0 && l->t.kind == TRANSFER_MOVE) rc = pin_folder(s, l->t.from.account, l->t.from.folder, &of_from, &from);
    if (rc == 0) rc = transfer_go(s, &l->t, from, to, l->runs, l->count);
    if (rc == 0) tell(s, l, to);
    if (from != NULL) folder_unload(from);
    if (to != NULL) folder_unload(to);
    account_unpin(of_from);
    account_unpin(of_to);
    return rc;
}

int transfers_recover(struct service *s, struct error *err) {
    unsigned char from = KEY_TRANSFER, to = KEY_TRANSFER + 1;
    struct engine_range range = {.space = SPACE_META, .from = str_of(&from, 1), .to = str_of(&to, 1)};
    for (;;) {
        struct left l = {0};
        int rc = store_scan(s->st, &range, left_one, &l);
        bool found = l.t.id != 0;
        if (rc == 0) rc = l.head && !l.bad ? left_finish(s, &l) : ERR_CORRUPT;
        if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) rc = found ? transfer_end(s, &l.t) : 0; /* no start mends it */
        free(l.runs);
        if (rc != 0) return error_set(err, rc, "a copy or move cannot be finished: %s", err_name(rc));
        if (!found) return 0;
    }
}

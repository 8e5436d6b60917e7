/* Transfers that the last run left, and those of format 6: COPY and MOVE in steps, whose records said what a copy had
 * made, or what a move was to take. */
#include "store/service/private.h"
#include "store/service/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NO_HEAD = 0, OLD_COPY = 1, OLD_MOVE = 2, KEY_LEN = 13, RUN_LEN = 16, OLD_RUN_LEN = 8 };

/* --- which there are */
struct found {
    uint64_t id;
    uint8_t kind;
};

struct all_found {
    struct found *list;
    size_t count, cap;
};

static bool find_one(void *arg, struct str key, struct str value) {
    struct all_found *all = arg;
    if (key.len != KEY_LEN) return true;
    uint64_t id = key_get_u64(key, 1);
    if (all->count > 0 && all->list[all->count - 1].id == id) return true;
    if (all->count == all->cap) {
        all->cap = all->cap * 2 + 16;
        all->list = realloc(all->list, all->cap * sizeof *all->list);
        IEMS_ASSERT(all->list != NULL);
    }
    bool head = key_get_u32(key, 9) == 0 && value.len > 0;
    all->list[all->count++] = (struct found){id, head ? (uint8_t)value.ptr[0] : NO_HEAD};
    return true;
}

static int find_all(struct service *s, struct all_found *all) {
    unsigned char from = KEY_TRANSFER, to = KEY_TRANSFER + 1;
    struct engine_range range = {.space = SPACE_META, .from = str_of(&from, 1), .to = str_of(&to, 1)};
    *all = (struct all_found){0};
    return store_scan(s->st, &range, find_one, all);
}

/* --- one of them, with all of its records */
struct left {
    struct found what;
    struct transfer t;
    uint64_t from_account, from, to_account, to, may; /* may: flags that an old one may set */
    size_t cap;
    bool bad;
};

static bool is_old(const struct left *l) {
    return l->what.kind == OLD_COPY || l->what.kind == OLD_MOVE;
}

static void take_head(struct left *l, struct str value) {
    struct wire w = wire_of(value);
    (void)wire_get_u8(&w);
    l->from_account = wire_get_u64(&w);
    l->from = wire_get_u64(&w);
    l->to_account = wire_get_u64(&w);
    l->to = wire_get_u64(&w);
    if (is_old(l)) {
        l->may = wire_get_u64(&w);
    } else {
        l->t.first = wire_get_u32(&w);
        l->t.count = wire_get_u32(&w);
        l->t.made = wire_get_u32(&w);
        l->t.modseq = wire_get_u64(&w);
        l->t.save_date = (int64_t)wire_get_u64(&w);
    }
    l->bad = l->bad || w.bad;
}

static void take_runs(struct left *l, struct str value) {
    size_t len = is_old(l) ? OLD_RUN_LEN : RUN_LEN, n = value.len / len;
    if (l->t.run_count + n > l->cap) {
        l->cap = (l->cap + n) * 2;
        l->t.runs = realloc(l->t.runs, l->cap * sizeof *l->t.runs);
        IEMS_ASSERT(l->t.runs != NULL);
    }
    for (struct wire w = wire_of(str_of(value.ptr, n * len)); w.rest.len > 0; l->t.run_count++) {
        struct flag_run *run = &l->t.runs[l->t.run_count];
        run->first = wire_get_u32(&w);
        run->last = wire_get_u32(&w);
        run->flags = is_old(l) ? 0 : wire_get_u64(&w);
        l->bad = l->bad || run->first == 0 || run->first > run->last;
    }
}

static bool take_one(void *arg, struct str key, struct str value) {
    struct left *l = arg;
    if (key.len != KEY_LEN) return true;
    if (key_get_u32(key, 9) == 0)
        take_head(l, value);
    else
        take_runs(l, value);
    return true;
}

static int left_read(struct service *s, struct found what, struct left *l) {
    struct key from = key_of_id(KEY_TRANSFER, what.id), to = from;
    key_end_of_prefix(&to);
    *l = (struct left){.what = what, .t = {.id = what.id, .kind = (enum transfer_kind)what.kind, .left = true}};
    struct engine_range range = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to)};
    return store_scan(s->st, &range, take_one, l);
}

static int delete_record(struct service *s, uint64_t id) {
    struct batch b;
    batch_init(&b);
    transfer_delete(&b, id);
    int rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    return rc;
}

/* Both folders, held. ERR_NOTFOUND: one of them is not there any more. */
static int pin_folders(struct service *s, struct left *l) {
    struct account *a = NULL, *b = NULL;
    int rc = account_pin_kept(s->m, l->from_account, &a);
    if (rc == 0) rc = account_pin_kept(s->m, l->to_account, &b);
    if (rc == 0) l->t.from = account_folder_by_id(a, l->from);
    if (rc == 0) l->t.to = account_folder_by_id(b, l->to);
    if (rc == 0 && (l->t.from == NULL || l->t.to == NULL)) rc = ERR_NOTFOUND;
    if (rc == 0) {
        folder_hold(l->t.from);
        folder_hold(l->t.to);
    }
    account_unpin(a);
    account_unpin(b);
    return rc;
}

static void unpin_folder(struct folder *f) {
    struct account *a = f->account;
    folder_unload(f);
    account_unpin(a);
}

static void unpin_folders(const struct left *l) {
    unpin_folder(l->t.from);
    unpin_folder(l->t.to);
}

static void tell(struct service *s, const struct left *l, const char *event) {
    char text[120];
    (void)snprintf(text, sizeof text, "account=%llu folder=%llu messages=%llu", (unsigned long long)l->to_account,
                   (unsigned long long)l->to, (unsigned long long)l->t.to->messages);
    notice_log(s, event, "-", text);
}

/* --- those of this format */
static bool adds_up(const struct transfer *t) {
    uint64_t count = 0;
    for (size_t i = 0; i < t->run_count; i++) count += (uint64_t)t->runs[i].last - t->runs[i].first + 1;
    return count == t->count && t->made <= t->count;
}

/* Lists are not in memory yet. */
static int write_left(struct service *s, struct left *l) {
    int rc = pin_folders(s, l);
    if (rc != 0) return rc;
    transfer_skip(&l->t);
    while (rc == 0 && l->t.made < l->t.count) rc = transfer_write(s, &l->t);
    if (rc == 0) tell(s, l, l->t.kind == TRANSFER_MOVE ? "move-finished" : "copy-finished");
    unpin_folders(l);
    return rc;
}

static int recover_one(struct service *s, struct found what) {
    struct left l;
    int rc = left_read(s, what, &l);
    bool good = what.kind == TRANSFER_COPY || what.kind == TRANSFER_MOVE;
    if (rc == 0) rc = good && !l.bad && adds_up(&l.t) ? write_left(s, &l) : ERR_CORRUPT;
    if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) rc = delete_record(s, what.id); /* no start mends it */
    free(l.t.runs);
    return rc;
}

/* --- those of format 6 */
static struct uid_run *plain_runs(const struct transfer *t) {
    struct uid_run *runs = calloc(t->run_count + 1, sizeof *runs);
    IEMS_ASSERT(runs != NULL);
    for (size_t i = 0; i < t->run_count; i++) runs[i] = (struct uid_run){t->runs[i].first, t->runs[i].last};
    return runs;
}

/* What was not moved yet, as one transfer of today. */
static int move_rest(struct service *s, const struct left *l, const struct uid_run *runs) {
    struct folder *from = l->t.from, *to = l->t.to;
    struct transfer_choice c;
    struct batch b;
    size_t count;
    uint64_t map[64], seq = 0;
    int rc = folder_load(from);
    if (rc != 0) return rc;
    uint32_t *uids = uids_of_runs(from, runs, l->t.run_count, &count);
    rc = transfer_choose(s, &c, from, uids, count);
    if (rc == 0) rc = transfer_wait_turn(s, to);
    if (rc == 0) {
        batch_init(&b);
        transfer_choice_refresh(&c);
        transfer_delete(&b, l->t.id);
        folder_map_flags(from, to, &b, ~0ull, l->may, map);
        if (c.count > 0 && to->uidnext <= UINT32_MAX - c.count) (void)transfer_begin(s, &b, TRANSFER_MOVE, &c, to, map);
        rc = store_commit(s->st, &b, COMMIT_DURABLE, &seq);
        batch_done(&b);
    }
    transfer_choice_done(&c);
    folder_unload(from);
    return rc;
}

static int undo_copy(struct service *s, const struct left *l, const struct uid_run *runs) {
    int rc = folder_load(l->t.to);
    if (rc != 0) return rc;
    rc = messages_drop(s, l->t.to, runs, l->t.run_count);
    folder_unload(l->t.to);
    return rc == 0 ? delete_record(s, l->t.id) : rc;
}

static int recover_old(struct service *s, struct found what) {
    struct left l;
    int rc = left_read(s, what, &l);
    if (rc == 0) rc = l.bad ? ERR_CORRUPT : pin_folders(s, &l);
    if (rc == 0) {
        struct uid_run *runs = plain_runs(&l.t);
        rc = what.kind == OLD_MOVE ? move_rest(s, &l, runs) : undo_copy(s, &l, runs);
        if (rc == 0) tell(s, &l, what.kind == OLD_MOVE ? "move-finished" : "copy-undone");
        unpin_folders(&l);
        free(runs);
    }
    if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) rc = delete_record(s, what.id); /* no start mends it */
    free(l.t.runs);
    return rc;
}

static int recover(struct service *s, bool old, struct error *err) {
    struct all_found all;
    int rc = find_all(s, &all);
    for (size_t i = 0; i < all.count && rc == 0; i++)
        if ((all.list[i].kind == OLD_COPY || all.list[i].kind == OLD_MOVE) == old)
            rc = old ? recover_old(s, all.list[i]) : recover_one(s, all.list[i]);
    free(all.list);
    return rc == 0 ? 0 : error_set(err, rc, "a copy or move cannot be finished: %s", err_name(rc));
}

int transfers_recover(struct service *s, struct error *err) {
    return recover(s, false, err);
}

int transfers_recover_old(struct service *s, struct error *err) {
    return recover(s, true, err);
}

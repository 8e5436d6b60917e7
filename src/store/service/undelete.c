/* Expunged messages: kept for a time with their bodies, listed, brought back, and removed in slices. Whoever moves them
 * has the turn, so that a record is used once. */
#include "base/clock.h"
#include "net/loop.h"
#include "proto/mime/summary.h"
#include "store/mailbox/expunged.h"
#include "store/service/private.h"

#include <stdlib.h>

enum {
    SWEEP_FIRST_MS = 60 * 1000,
    SWEEP_EVERY_MS = 15 * 60 * 1000,
    SLICE = 200,
    SLICE_BYTES = 8 * 1024 * 1024,
    LIST_MAX = 1000,
    LIST_BYTES = 1024 * 1024,
};

/* Copies of records of one scan. */
struct taken {
    struct {
        size_t key, value, value_len;
    } at[LIST_MAX];
    size_t count, max, bytes;
    struct str folder; /* "": any */
    uint32_t uid;      /* 0: any */
    bool same;         /* of one folder only */
    uint64_t before;   /* only older ones; 0 = all */
    uint64_t first;    /* folder of the first */
    bool more;
    struct buf bufs;
};

static struct taken *taken_new(size_t max) {
    struct taken *t = calloc(1, sizeof *t);
    IEMS_ASSERT(t != NULL && max <= LIST_MAX);
    t->max = max;
    t->bytes = SLICE_BYTES;
    t->bufs = BUF_INIT(SLICE_BYTES + STORE_VALUE_MAX);
    return t;
}

static void taken_free(struct taken *t) {
    buf_done(&t->bufs);
    free(t);
}

static struct str taken_key(const struct taken *t, size_t i) {
    return str_of(t->bufs.ptr + t->at[i].key, EXPUNGED_KEY_LEN);
}

static int taken_decode(const struct taken *t, size_t i, struct expunged *out) {
    return expunged_decode(taken_key(t, i), str_of(t->bufs.ptr + t->at[i].value, t->at[i].value_len), out);
}

static bool take(void *arg, struct str key, struct str value) {
    struct taken *t = arg;
    struct expunged x;
    bool good = expunged_decode(key, value, &x) == 0;
    if (key.len != EXPUNGED_KEY_LEN) return true;
    if (t->before != 0 && key_get_u64(key, 9) >= t->before) return false;
    if (t->folder.len > 0 && (!good || !str_eq(x.name, t->folder))) return true;
    if (t->uid != 0 && key_get_u32(key, 25) != t->uid) return true;
    if (t->same && t->count > 0 && key_get_u64(key, 17) != t->first) {
        t->more = true;
        return false;
    }
    if (t->count == t->max || t->bufs.len > t->bytes) {
        t->more = true;
        return false;
    }
    t->first = key_get_u64(key, 17);
    t->at[t->count].key = t->bufs.len;
    buf_add(&t->bufs, key);
    t->at[t->count].value = t->bufs.len;
    t->at[t->count++].value_len = value.len;
    buf_add(&t->bufs, value);
    return true;
}

/* Of an account, behind the key `after`, or since a time. */
static int take_from(struct service *s, uint64_t account, int64_t since, struct str after, struct taken *t) {
    struct key from = key_of_id(KEY_EXPUNGED, account), to = from;
    key_u64(&from, since > 0 ? (uint64_t)since : 0);
    key_end_of_prefix(&to);
    if (after.len == EXPUNGED_KEY_LEN && after.ptr[0] == KEY_EXPUNGED && key_get_u64(after, 1) == account) {
        from.len = 0;
        key_bytes(&from, after);
        key_bytes(&from, str_of("", 1));
    }
    int rc = store_wait_applied(s->st, commit_last(s->st->commits));
    struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .once = true};
    return rc != 0 ? rc : store_scan(s->st, &r, take, t);
}

/* Summaries that stand with the bodies are put behind the records, where they stood before. What would be too much at
 * once is left for the next time. */
static int add_summaries(struct service *s, struct taken *t) {
    int rc = 0;
    for (size_t i = 0; i < t->count && rc == 0; i++) {
        struct expunged x;
        BUF_AUTO value = BUF_INIT(STORE_VALUE_MAX);
        if (taken_decode(t, i, &x) != 0 || x.message.summary.len > 0) continue;
        if (i > 0 && t->bufs.len > SLICE_BYTES) {
            t->count = i;
            t->more = true;
            break;
        }
        buf_add(&value, str_of(t->bufs.ptr + t->at[i].value, t->at[i].value_len));
        rc = blob_summary(s->st, x.message.blob, &value);
        if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) rc = 0;
        t->at[i].value = t->bufs.len;
        t->at[i].value_len = value.len;
        buf_add(&t->bufs, buf_str(&value));
        if (rc == 0) rc = t->bufs.error;
    }
    return rc;
}

/* --- removal */
/* Counts are brought into memory first: nothing may wait once they change. */
static int drop_taken(struct service *s, const struct taken *t) {
    struct blob *held[SLICE] = {NULL};
    struct batch b;
    struct expunged x;
    int rc = 0;
    for (size_t i = 0; i < t->count && rc == 0; i++) {
        if (taken_decode(t, i, &x) == 0) rc = blob_pin(s->bs, x.message.blob, &held[i]);
        if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) rc = 0;
    }
    batch_init(&b);
    for (size_t i = 0; i < t->count; i++) {
        if (rc == 0 && held[i] != NULL && held[i]->refs > 0) blob_add_refs(s->bs, &b, held[i], -1);
        if (rc == 0) batch_delete(&b, SPACE_META, taken_key(t, i));
        blob_unpin(s->bs, held[i]);
    }
    if (rc == 0 && !batch_empty(&b)) rc = store_commit(s->st, &b, COMMIT_RELAXED, NULL);
    batch_done(&b);
    return rc;
}

/* Whether all of an account's go, because it was deleted. */
static bool account_is_gone(struct service *s, uint64_t account) {
    struct account *a;
    int rc = account_pin_kept(s->m, account, &a);
    if (rc == 0) account_unpin(a);
    return rc == ERR_NOTFOUND;
}

static int sweep_account(struct service *s, uint64_t account) {
    uint64_t now = (uint64_t)clock_wall_ms();
    struct taken *t = taken_new(SLICE);
    int rc = 0;
    bool all = account_is_gone(s, account);
    t->before = all ? 0 : now > s->undelete.keep_ms ? now - s->undelete.keep_ms : 1;
    do {
        t->count = 0;
        t->more = false;
        buf_clear(&t->bufs);
        rc = semaphore_take(&s->undelete.turn, DEADLINE_NEVER);
        if (rc != 0) break;
        rc = take_from(s, account, 0, STR_EMPTY, t);
        if (rc == 0 && t->count > 0) rc = drop_taken(s, t);
        semaphore_give(&s->undelete.turn);
    } while (rc == 0 && t->more && !s->closing);
    taken_free(t);
    return rc;
}

static bool first_account(void *arg, struct str key, struct str value) {
    (void)value;
    if (key.len >= 9) *(uint64_t *)arg = key_get_u64(key, 1);
    return false;
}

/* The next account that has any, above `after`; 0 = none. */
static int next_account(struct service *s, uint64_t after, uint64_t *out) {
    struct key from = key_of_id(KEY_EXPUNGED, after + 1);
    unsigned char to = KEY_EXPUNGED + 1;
    struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = str_of(&to, 1)};
    *out = 0;
    return store_scan(s->st, &r, first_account, out);
}

static void sweep_fiber(void *arg) {
    struct service *s = arg;
    uint64_t account = 0;
    int rc = store_wait_applied(s->st, commit_last(s->st->commits));
    while (rc == 0 && !s->closing) {
        rc = next_account(s, account, &account);
        if (rc != 0 || account == 0) break;
        rc = sweep_account(s, account);
    }
    s->undelete.sweeping = false;
    s->requests--;
}

void undelete_sweep(struct service *s) {
    if (s->undelete.sweeping || s->closing) return;
    s->undelete.sweeping = true;
    s->requests++;
    if (fiber_spawn("undelete", sweep_fiber, s, NULL) == 0) return;
    s->undelete.sweeping = false;
    s->requests--;
}

static void on_timer(void *arg) {
    undelete_sweep(arg);
}

void undelete_start(struct service *s) {
    s->undelete.timer = loop_timer_new(SWEEP_FIRST_MS, SWEEP_EVERY_MS, on_timer, s);
}

void undelete_stop(struct service *s) {
    if (s->undelete.timer != NULL) loop_timer_free(s->undelete.timer);
    s->undelete.timer = NULL;
}

/* --- list */
static void fill(struct rpc_request *r, const struct taken *t, size_t i, Store__Expunged *out) {
    struct expunged x;
    struct summary sum;
    store__expunged__init(out);
    out->key = rpc_binary(taken_key(t, i));
    out->folder = (char *)(uintptr_t) "";
    if (taken_decode(t, i, &x) != 0) return;
    char *name = arena_cstr(r->arena, x.name);
    if (name != NULL) out->folder = name;
    out->at = (int64_t)x.at;
    out->uid = x.uid;
    out->size = x.message.size;
    out->internal_date = x.message.internal_date;
    BUF_AUTO thin = BUF_INIT(SUMMARY_MAX);
    if (summary_parse(x.message.summary, &sum) != 0) return;
    summary_thin(&sum, &thin);
    out->summary = rpc_binary(arena_str(r->arena, buf_str(&thin)));
}

HANDLER(on_undelete_list) {
    const Store__UndeleteList *req = (const Store__UndeleteList *)r->msg;
    struct service *s = arg;
    Store__UndeleteListed reply = STORE__UNDELETE_LISTED__INIT;
    struct taken *t = taken_new(req->limit > 0 && req->limit < LIST_MAX ? req->limit : LIST_MAX);
    t->bytes = LIST_BYTES;
    t->folder = str_from(req->folder);
    int rc = take_from(s, req->account, req->since, rpc_bytes(req->after), t);
    if (rc == 0) rc = add_summaries(s, t);
    Store__Expunged *list = arena_alloc(r->arena, (t->count + 1) * sizeof *list);
    reply.messages = arena_alloc(r->arena, (t->count + 1) * sizeof *reply.messages);
    if (list == NULL || reply.messages == NULL) rc = ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < t->count; i++) {
        fill(r, t, i, &list[i]);
        reply.messages[reply.n_messages++] = &list[i];
    }
    reply.more = t->more;
    reply.keep_ms = (int64_t)s->undelete.keep_ms;
    if (t->count > 0) reply.next = rpc_binary(taken_key(t, t->count - 1));
    if (rc == 0) rpc_answer(r, &reply.base, STR_EMPTY);
    taken_free(t);
    return rc == 0 ? 0 : error_set(err, rc, "what was expunged cannot be read: %s", err_name(rc));
}

/* --- restore */
static uint64_t flags_in(struct folder *f, struct batch *b, const struct expunged *x) {
    uint64_t flags = x->flags & MAILBOX_SYSTEM_FLAGS & ~(uint64_t)MAILBOX_DELETED;
    struct str rest = x->keywords;
    for (unsigned bit = MAILBOX_KEYWORD_SHIFT; rest.len > 0 && bit < 64; bit++) {
        char word[KEYWORD_LEN_MAX + 1], *one = word;
        uint64_t got = 0;
        struct str k = expunged_keyword(&rest);
        if (!(x->flags & (1ull << bit)) || str_to_cstr(k, word, sizeof word) != 0) continue;
        if (folder_keywords(f, b, &one, 1, true, false, &got) == 0) flags |= got;
    }
    return flags;
}

/* Always with a new UID: a client that was told that the old one is gone never asks for it again, and one that only
 * looks above the highest UID that it knows would not see it (RFC 9051 section 2.3.1.1). */
static void put_back(struct folder *f, struct batch *b, const struct expunged *x) {
    struct message_new n = {.flags = flags_in(f, b, x),
                            .internal_date = x->message.internal_date,
                            .blob = x->message.blob,
                            .body_size = x->message.size - x->message.prefix.len,
                            .prefix = x->message.prefix,
                            .summary = x->message.summary};
    folder_append(f, b, &n);
}

/* The folder itself, else the one that has its name now, else a new one. Held. In a fiber. */
static int target(struct service *s, struct account *a, const struct expunged *x, struct folder **out,
                  struct error *err) {
    char name[FOLDER_NAME_MAX + 1];
    struct folder *f = account_folder_by_id(a, x->folder);
    if (f == NULL) f = account_folder(a, x->name);
    if (f == NULL || f->no_select) {
        int rc = folder_name_check(x->name, name, err);
        if (rc != 0) return rc;
        if (a->folder_count >= FOLDERS_MAX) return error_set(err, ERR_LIMIT, "the account has too many folders");
        struct batch b;
        batch_init(&b);
        if (f == NULL) f = account_add_folder(a, &b, str_from(name), "");
        if (f->no_select) {
            f->no_select = false;
            f->uidvalidity = account_new_uidvalidity(a, &b);
            folder_put_name(f, &b);
        }
        f->seq = commit_submit(s->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
    }
    int rc = folder_load(f);
    if (rc == 0) *out = f;
    return rc;
}

static int restore_taken(struct service *s, struct account *a, const struct taken *t, Store__UndeleteRestored *reply,
                         struct error *err) {
    struct expunged x;
    struct folder *f = NULL;
    struct batch b;
    int rc = 0;
    batch_init(&b);
    for (size_t i = 0; i < t->count && rc == 0; i++) {
        if (taken_decode(t, i, &x) != 0) continue;
        if (f == NULL) rc = target(s, a, &x, &f, err);
        if (rc != 0 || f->gone || a->deleted || f->uidnext >= UINT32_MAX - SLICE) break;
        put_back(f, &b, &x);
        reply->restored++;
        batch_delete(&b, SPACE_META, taken_key(t, i));
    }
    if (f != NULL && !batch_empty(&b)) {
        f->seq = commit_last(s->st->commits) + 1;
        int done = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
        if (rc == 0) rc = done;
        if (!f->gone) folder_changed(f, f->seq);
    }
    batch_done(&b);
    if (f != NULL) folder_unload(f);
    return rc;
}

HANDLER(on_undelete_restore) {
    const Store__UndeleteRestore *req = (const Store__UndeleteRestore *)r->msg;
    struct service *s = arg;
    struct account *a;
    Store__UndeleteRestored reply = STORE__UNDELETE_RESTORED__INIT;
    int rc = space_refuse(s, err);
    if (rc != 0) return rc;
    rc = account_pin(s->m, req->account, STR_EMPTY, false, &a);
    if (rc != 0) return error_set(err, rc, "this account has no mailbox");
    struct taken *t = taken_new(SLICE);
    t->folder = str_from(req->folder);
    t->uid = req->uid;
    t->same = true;
    rc = semaphore_take(&s->undelete.turn, DEADLINE_NEVER);
    if (rc == 0) {
        rc = take_from(s, req->account, req->since, rpc_bytes(req->after), t);
        if (rc == 0) rc = add_summaries(s, t);
        if (rc == 0) rc = restore_taken(s, a, t, &reply, err);
        semaphore_give(&s->undelete.turn);
    }
    account_unpin(a);
    reply.more = t->more;
    if (t->count > 0) reply.next = rpc_binary(taken_key(t, t->count - 1));
    if (rc == 0) rpc_answer(r, &reply.base, STR_EMPTY);
    taken_free(t);
    if (rc != 0 && err->text[0] == 0) error_fill(err, rc, "the messages cannot be brought back: %s", err_name(rc));
    return rc;
}

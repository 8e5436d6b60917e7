/* The message list of a folder in memory: uid, flags, modseq in UID order; how it gets there is in load.c. */
#include "base/clock.h"
#include "store/mailbox/private.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

void message_key(struct key *k, enum key_kind kind, uint64_t folder, uint32_t uid) {
    *k = key_of_id(kind, folder);
    key_u32(k, uid);
}

size_t folder_find(const struct folder *f, uint32_t uid) {
    size_t lo = 0, hi = f->count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (f->list[mid].uid < uid)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

uint32_t folder_first_unseen(struct folder *f) {
    while (f->unseen_hint < f->count && (f->list[f->unseen_hint].flags & MAILBOX_SEEN)) f->unseen_hint++;
    return f->unseen_hint < f->count ? f->list[f->unseen_hint].uid : 0;
}

static void add_run(struct buf *out, uint32_t first, uint32_t last) {
    uint32_t pair[2] = {htole32(first), htole32(last)};
    buf_add(out, str_of(pair, sizeof pair));
}

/* Where the run of successive UIDs that begins at `start` ends: looked for in growing steps and then by halves, because
 * most folders are a few long runs. */
static size_t run_end(const struct folder *f, size_t start) {
    const struct message *first = &f->list[start];
    size_t in = 0, out = 1; /* distances: known to be in the run, and not known */
    while (start + out < f->count && first[out].uid - first->uid == out) {
        in = out;
        out *= 2;
    }
    if (start + out > f->count) out = f->count - start;
    while (out - in > 1) {
        size_t mid = in + (out - in) / 2;
        if (first[mid].uid - first->uid == mid)
            in = mid;
        else
            out = mid;
    }
    return start + in;
}

void folder_runs(const struct folder *f, struct buf *out) {
    for (size_t start = 0; start < f->count;) {
        size_t last = run_end(f, start);
        add_run(out, f->list[start].uid, f->list[last].uid);
        start = last + 1;
    }
}

void folder_list_append(struct folder *f, const struct message *msg) {
    if (f->heat == FOLDER_COLD) return;
    folder_list_room(f);
    f->list[f->count++] = *msg;
    if (f->heat == FOLDER_HOT && msg->uid % f->account->m->page_uids == 0 && folder_is_paged(f)) folder_pages_want(f);
}

void folder_put_flags(const struct folder *f, struct batch *b, const struct message *msg) {
    struct key k;
    unsigned char v[FLAGS_VALUE_LEN];
    message_key(&k, KEY_FLAGS, f->id, msg->uid);
    be64_put(v, msg->flags);
    be64_put(v + 8, msg->modseq);
    batch_put(b, SPACE_META, key_str(&k), str_of(v, sizeof v));
}

static void count_flags(struct folder *f, uint64_t flags, int64_t by) {
    if (!(flags & MAILBOX_SEEN)) f->unseen = (uint64_t)((int64_t)f->unseen + by);
    if (flags & MAILBOX_DELETED) f->deleted = (uint64_t)((int64_t)f->deleted + by);
}

void folder_change_flags(struct folder *f, struct batch *b, struct message *msg, uint64_t flags, uint64_t modseq) {
    folder_pages_touch(f, b, msg->uid);
    count_flags(f, msg->flags, -1);
    count_flags(f, flags, 1);
    msg->flags = flags;
    msg->modseq = f->flag_modseq = modseq;
    size_t at = (size_t)(msg - f->list);
    if (!(flags & MAILBOX_SEEN) && at < f->unseen_hint) f->unseen_hint = at;
}

void folder_set_flags(struct folder *f, struct batch *b, struct message *msg, uint64_t flags, uint64_t modseq) {
    folder_change_flags(f, b, msg, flags, modseq);
    folder_put_flags(f, b, msg);
}

static void log_vanished(struct folder *f, struct batch *b, uint64_t modseq, struct uid_run run) {
    struct key k = key_of_id(KEY_VANISHED, f->id);
    unsigned char v[4];
    key_u64(&k, modseq);
    key_u32(&k, run.first);
    be32_put(v, run.last);
    batch_put(b, SPACE_META, key_str(&k), str_of(v, sizeof v));
    if (f->vanished == NULL) f->vanished = calloc(VANISHED_LOG_MAX, sizeof *f->vanished);
    IEMS_ASSERT(f->vanished != NULL);
    if (f->vanished_count == VANISHED_LOG_MAX) {
        size_t drop = VANISHED_LOG_MAX / 2;
        f->vanished_floor = f->vanished[drop - 1].modseq;
        f->vanished_count -= drop;
        memmove(f->vanished, f->vanished + drop, f->vanished_count * sizeof *f->vanished);
    }
    f->vanished[f->vanished_count++] = (struct vanished){modseq, run};
}

void folder_delete_message(const struct folder *f, struct batch *b, uint32_t uid) {
    struct key k;
    message_key(&k, KEY_FLAGS, f->id, uid);
    batch_delete(b, SPACE_META, key_str(&k));
    k.bytes[0] = KEY_MESSAGE;
    batch_delete(b, SPACE_META, key_str(&k));
}

void folder_list_release(struct folder *f, struct batch *b, const size_t *index, size_t count, uint64_t size,
                         uint64_t modseq) {
    if (count == 0) return;
    struct uid_run run = {0, 0};
    size_t to = index[0], next = 0;
    for (size_t i = index[0]; i < f->count; i++) {
        const struct message *msg = &f->list[i];
        if (next == count || index[next] != i) {
            f->list[to++] = *msg;
            continue;
        }
        next++;
        count_flags(f, msg->flags, -1);
        f->recent -= msg->uid >= f->first_recent;
        folder_pages_touch(f, b, msg->uid);
        if (run.first != 0 && next > 1 && index[next - 2] == i - 1)
            run.last = msg->uid; /* neighbours in the list */
        else {
            if (run.first != 0) log_vanished(f, b, modseq, run);
            run = (struct uid_run){msg->uid, msg->uid};
        }
    }
    log_vanished(f, b, modseq, run);
    f->count = to;
    f->messages -= count;
    f->size -= size;
    account_count(f->account, -(int64_t)size, -(int64_t)count);
    if (f->unseen_hint > index[0]) f->unseen_hint = index[0];
    if (!folder_is_paged(f)) folder_pages_drop(f, b);
    folder_put_counters(f, b);
}

void folder_list_remove(struct folder *f, struct batch *b, const size_t *index, size_t count, uint64_t size,
                        uint64_t modseq) {
    for (size_t i = 0; i < count; i++) folder_delete_message(f, b, f->list[index[i]].uid);
    folder_list_release(f, b, index, count, size, modseq);
}

uint32_t folder_list_extend(struct folder *f, struct batch *b, const struct flag_run *runs, size_t count,
                            uint64_t size) {
    uint32_t first = f->uidnext;
    uint64_t modseq = folder_next_modseq(f);
    for (size_t i = 0; i < count; i++) {
        uint32_t n = runs[i].last - runs[i].first + 1;
        for (uint32_t end = f->uidnext + n; f->uidnext < end; f->uidnext++)
            folder_list_append(f, &(struct message){f->uidnext, runs[i].flags, modseq});
        count_flags(f, runs[i].flags, (int64_t)n);
    }
    uint32_t made = f->uidnext - first;
    f->messages += made;
    f->size += size;
    f->recent += f->uidnext - (first > f->first_recent ? first : f->first_recent);
    account_count(f->account, (int64_t)size, made);
    folder_put_counters(f, b);
    return first;
}

struct vanished_scan {
    struct uid_run *runs;
    size_t count, cap;
};

static void add_vanished(struct vanished_scan *s, struct uid_run run) {
    if (s->count == s->cap) {
        s->cap = s->cap * 2 + 16;
        s->runs = realloc(s->runs, s->cap * sizeof *s->runs);
        IEMS_ASSERT(s->runs != NULL);
    }
    s->runs[s->count++] = run;
}

static bool take_vanished(void *arg, struct str key, struct str value) {
    if (key.len == 21 && value.len == 4)
        add_vanished(arg, (struct uid_run){key_get_u32(key, 17), key_get_u32(value, 0)});
    return true;
}

static int by_first(const void *a, const void *b) {
    uint32_t x = ((const struct uid_run *)a)->first, y = ((const struct uid_run *)b)->first;
    return x < y ? -1 : x > y;
}

/* Sorted, with neighbours joined. */
static void normalise(struct vanished_scan *s) {
    if (s->count == 0) return;
    qsort(s->runs, s->count, sizeof *s->runs, by_first);
    size_t to = 0;
    for (size_t i = 1; i < s->count; i++) {
        struct uid_run *last = &s->runs[to];
        if (s->runs[i].first <= last->last + 1)
            last->last = s->runs[i].last > last->last ? s->runs[i].last : last->last;
        else
            s->runs[++to] = s->runs[i];
    }
    s->count = to + 1;
}

/* Takes out what was brought back since: only UIDs that are not in the (HOT) list did vanish. */
static void without_present(const struct folder *f, struct vanished_scan *s) {
    struct vanished_scan out = {0};
    bool any = false;
    for (size_t i = 0; i < s->count && !any; i++) {
        size_t at = folder_find(f, s->runs[i].first);
        any = at < f->count && f->list[at].uid <= s->runs[i].last;
    }
    if (!any) return;
    for (size_t i = 0; i < s->count; i++) {
        struct uid_run run = s->runs[i];
        for (size_t at = folder_find(f, run.first); at < f->count && f->list[at].uid <= run.last; at++) {
            uint32_t uid = f->list[at].uid;
            if (uid > run.first) add_vanished(&out, (struct uid_run){run.first, uid - 1});
            run.first = uid + 1;
        }
        if (run.first != 0 && run.first <= run.last) add_vanished(&out, run);
    }
    free(s->runs);
    *s = out;
}

int folder_vanished(struct folder *f, uint64_t since, struct uid_run **out, size_t *count) {
    struct vanished_scan s = {0};
    int rc = 0;
    if (since >= f->vanished_floor) {
        for (size_t i = 0; i < f->vanished_count; i++)
            if (f->vanished[i].modseq > since) add_vanished(&s, f->vanished[i].run);
    } else {
        struct key from = key_of_id(KEY_VANISHED, f->id), to = from;
        key_u64(&from, since + 1);
        key_end_of_prefix(&to);
        struct store *st = f->account->m->st;
        rc = store_wait_applied(st, f->seq);
        struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to)};
        if (rc == 0) rc = store_scan(st, &r, take_vanished, &s);
    }
    if (rc != 0) {
        free(s.runs);
        return rc;
    }
    normalise(&s);
    if (f->heat == FOLDER_HOT) without_present(f, &s);
    *out = s.runs;
    *count = s.count;
    return 0;
}

void folder_put_record(const struct folder *f, struct batch *b, uint32_t uid, int64_t save_date,
                       const struct message_new *n) {
    BUF_AUTO v = BUF_INIT(STORE_VALUE_MAX);
    wire_u64(&v, (uint64_t)n->internal_date);
    wire_u64(&v, (uint64_t)save_date);
    wire_u64(&v, n->prefix.len + n->body_size);
    wire_u64(&v, n->blob);
    wire_bytes(&v, n->prefix);
    struct key k;
    message_key(&k, KEY_MESSAGE, f->id, uid);
    batch_put2(b, SPACE_META, key_str(&k), buf_str(&v), n->summary);
}

/* Records and counters: everything but the list. */
static void put_message(struct folder *f, struct batch *b, const struct message *msg, const struct message_new *n) {
    uint64_t size = n->prefix.len + n->body_size;
    folder_put_record(f, b, msg->uid, clock_wall_s(), n);
    folder_put_flags(f, b, msg);
    f->messages++;
    f->size += size;
    account_count(f->account, (int64_t)size, 1);
    f->recent += msg->uid >= f->first_recent;
    count_flags(f, msg->flags, 1);
    folder_put_counters(f, b);
}

uint32_t folder_append(struct folder *f, struct batch *b, const struct message_new *n) {
    struct message msg = {.uid = f->uidnext++, .flags = n->flags, .modseq = folder_next_modseq(f)};
    put_message(f, b, &msg, n);
    folder_list_append(f, &msg);
    return msg.uid;
}

void folder_insert(struct folder *f, struct batch *b, uint32_t uid, const struct message_new *n) {
    struct message msg = {.uid = uid, .flags = n->flags, .modseq = folder_next_modseq(f)};
    size_t at = folder_find(f, uid);
    IEMS_ASSERT(f->heat == FOLDER_HOT && (at == f->count || f->list[at].uid != uid));
    if (uid >= f->uidnext) f->uidnext = uid + 1;
    folder_pages_touch(f, b, uid);
    put_message(f, b, &msg, n);
    folder_list_room(f);
    memmove(f->list + at + 1, f->list + at, (f->count - at) * sizeof *f->list);
    f->list[at] = msg;
    f->count++;
    if (f->unseen_hint > at) f->unseen_hint = at;
    f->flag_modseq = msg.modseq;
    f->account->m->inserted++;
}

unsigned mailboxes_inserted(const struct mailboxes *m) {
    return m->inserted;
}

int message_decode(struct str value, struct message_stored *out) {
    struct wire w = wire_of(value);
    struct message_stored s;
    s.internal_date = (int64_t)wire_get_u64(&w);
    s.save_date = (int64_t)wire_get_u64(&w);
    s.size = wire_get_u64(&w);
    s.blob = wire_get_u64(&w);
    s.prefix = wire_get_bytes(&w);
    s.summary = w.rest;
    if (w.bad || s.prefix.len > s.size) return ERR_CORRUPT;
    *out = s;
    return 0;
}

/* --- recount, for the repair */
struct recount {
    uint64_t size, count;
};

static bool recount_one(void *arg, struct str key, struct str value) {
    struct recount *r = arg;
    struct message_stored m;
    if (key.len == 13 && message_decode(value, &m) == 0) {
        r->size += m.size;
        r->count++;
    }
    return true;
}

int folder_recount(struct folder *f, struct batch *b) {
    struct store *st = f->account->m->st;
    struct key from = key_of_id(KEY_MESSAGE, f->id), to = from;
    key_end_of_prefix(&to);
    if (f->heat == FOLDER_HOT && f->pins == 0) folder_list_drop(f); /* the engine is asked again */
    folder_pages_forget(f);                                         /* and only what the messages say themselves */
    int rc = folder_load(f);
    if (rc != 0) return rc;
    uint64_t seq = 0;
    struct recount r;
    do { /* until nothing was changed while the records were read */
        r = (struct recount){0};
        rc = folder_wait_transfers(f);
        seq = f->seq;
        if (rc == 0) rc = store_wait_applied(st, seq);
        struct engine_range q = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .once = true};
        if (rc == 0) rc = store_scan(st, &q, recount_one, &r);
    } while (rc == 0 && f->seq != seq);
    if (rc == 0) {
        f->messages = f->count;
        f->size = r.size;
        f->unseen = f->deleted = f->recent = 0;
        for (size_t i = 0; i < f->count; i++) {
            count_flags(f, f->list[i].flags, 1);
            f->recent += f->list[i].uid >= f->first_recent;
            if (f->list[i].uid >= f->uidnext) f->uidnext = f->list[i].uid + 1;
            if (f->list[i].modseq > f->highestmodseq) f->highestmodseq = f->list[i].modseq;
        }
        folder_put_counters(f, b);
    }
    folder_unload(f);
    return rc;
}

void account_recount(struct account *a) {
    a->bytes = a->messages = 0;
    for (size_t i = 0; i < a->folder_count; i++) {
        a->bytes += a->folders[i]->size;
        a->messages += a->folders[i]->messages;
    }
}

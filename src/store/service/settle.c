/* Writes the records of messages that transfers have promised, in the background. */
#include "store/service/gather.h"
#include "store/service/transfer.h"

#include <stdlib.h>

enum { STOP_AFTER_MS = 500, AGAIN_AFTER_MS = 1000 };

/* --- one slice */
struct slice {
    struct gather g;
    uint32_t uids[TRANSFER_SLICE];
    uint64_t flags[TRANSFER_SLICE];
    size_t count;
    uint64_t folder; /* whose flags are looked at */
    uint32_t first;
    bool known[TRANSFER_SLICE]; /* the target has flags of it: they stay */
    struct engine *e;
};

static void next_messages(const struct transfer *t, struct slice *x, size_t max) {
    size_t at = t->run_at;
    uint32_t offset = t->run_offset;
    for (x->count = 0; x->count < max && at < t->run_count; x->count++) {
        const struct flag_run *run = &t->runs[at];
        x->uids[x->count] = run->first + offset;
        x->flags[x->count] = run->flags;
        if (run->first + offset++ == run->last) {
            at++;
            offset = 0;
        }
    }
}

static void advance(struct transfer *t, size_t n) {
    while (n > 0) {
        const struct flag_run *run = &t->runs[t->run_at];
        size_t rest = run->last - run->first + 1 - t->run_offset, step = n < rest ? n : rest;
        t->run_offset += (uint32_t)step;
        n -= step;
        if (step < rest) continue;
        t->run_at++;
        t->run_offset = 0;
    }
}

void transfer_skip(struct transfer *t) {
    advance(t, t->made);
}

static void known_work(void *arg) {
    struct slice *x = arg;
    for (size_t i = 0; i < x->count; i++) {
        struct key k;
        BUF_AUTO v = BUF_INIT(64);
        message_key(&k, KEY_FLAGS, x->folder, x->first + (uint32_t)i);
        x->known[i] = engine_get(x->e, SPACE_META, key_str(&k), READ_ANY, &v) == 0;
    }
}

/* What the last run wrote of flags is newer than the transfer. */
static int look_for_flags(struct service *s, const struct transfer *t, struct slice *x) {
    x->e = s->st->engine;
    x->folder = t->to->id;
    x->first = t->first + t->made;
    return t->left ? store_work(known_work, x) : 0;
}

/* As it stands in the list now, else as it was. */
static struct message message_now(const struct transfer *t, const struct slice *x, size_t i) {
    const struct folder *f = t->to;
    uint32_t uid = x->first + (uint32_t)i;
    size_t at = f->heat == FOLDER_HOT ? folder_find(f, uid) : f->count;
    if (at < f->count && f->list[at].uid == uid) return f->list[at];
    return (struct message){uid, x->flags[i], t->modseq};
}

static void write_one(struct service *s, const struct transfer *t, struct batch *b, const struct slice *x, size_t i) {
    const struct gathered *m = &x->g.list[i];
    struct message msg = message_now(t, x, i);
    if (m->stored.blob == 0) return; /* damaged since it was chosen: the check of the store finds it */
    struct message_new n = {.internal_date = m->stored.internal_date,
                            .blob = m->stored.blob,
                            .body_size = m->stored.size - m->stored.prefix.len,
                            .prefix = m->stored.prefix,
                            .summary = m->stored.summary};
    folder_put_record(t->to, b, msg.uid, t->save_date, &n);
    if (!x->known[i]) folder_put_flags(t->to, b, &msg);
    if (t->kind == TRANSFER_MOVE)
        folder_delete_message(t->from, b, m->uid);
    else if (m->blob != NULL && m->blob->refs > 0)
        blob_add_refs(s->bs, b, m->blob, 1);
}

int transfer_write(struct service *s, struct transfer *t) {
    struct slice *x = calloc(1, sizeof *x);
    struct batch b;
    IEMS_ASSERT(x != NULL && s->transfers.slice <= TRANSFER_SLICE);
    next_messages(t, x, s->transfers.slice);
    int rc = gather_take(&x->g, s, t->from->id, x->uids, x->count);
    if (rc != 0) {
        free(x);
        return rc;
    }
    x->count = x->g.count;
    rc = look_for_flags(s, t, x);
    batch_init(&b);
    if (rc == 0) { /* no wait from here */
        for (size_t i = 0; i < x->count; i++) write_one(s, t, &b, x, i);
        advance(t, x->count);
        t->made += (uint32_t)x->count;
        if (t->made < t->count)
            transfer_put_head(&b, t);
        else
            transfer_delete(&b, t->id);
    }
    gather_done(&x->g);
    if (rc == 0) rc = store_commit(s->st, &b, COMMIT_RELAXED, NULL);
    batch_done(&b);
    free(x);
    return rc;
}

/* --- all that is pending */
static uint32_t next_unwritten(const struct service *s, const struct folder *f) {
    list_foreach(it, &s->transfers.pending) {
        const struct transfer *t = list_entry(it, struct transfer, link);
        if (t->to == f) return t->first + t->made;
    }
    return 0;
}

static void let_go(struct folder *f) {
    struct account *a = f->account;
    cond_broadcast(&f->written);
    folder_unload(f);
    account_unpin(a);
}

static void transfer_free(struct transfer *t) {
    list_remove(&t->link);
    free(t->runs);
    free(t->sizes);
    free(t);
}

static void finish(struct service *s, struct transfer *t) {
    list_remove(&t->link);
    t->from->sources--;
    t->to->unwritten = next_unwritten(s, t->to);
    let_go(t->from);
    let_go(t->to);
    transfer_free(t);
    if (list_empty(&s->transfers.pending)) cond_broadcast(&s->transfers.changed);
}

/* What cannot be read now is tried again: it was promised. */
static int write_whole(struct service *s, struct transfer *t) {
    int rc = store_wait_durable(s->st, t->seq); /* whoever asked for it comes first */
    while (rc == 0 && t->made < t->count) {
        if (s->closing && loop_now_ms() >= s->transfers.stop_at) return ERR_CANCELLED;
        rc = transfer_write(s, t);
        if (rc == 0) {
            t->to->unwritten = next_unwritten(s, t->to);
            cond_broadcast(&t->to->written);
            continue;
        }
        if (rc == ERR_CANCELLED || s->closing || s->st->failed) return rc;
        notice_log(s, "transfer-waits", "-", err_name(rc));
        rc = fiber_sleep(AGAIN_AFTER_MS);
    }
    return rc;
}

static void settle_fiber(void *arg) {
    struct service *s = arg;
    for (struct list *it; (it = list_first(&s->transfers.pending)) != NULL;) {
        struct transfer *t = list_entry(it, struct transfer, link);
        if (write_whole(s, t) != 0) break; /* the store ends; the next start goes on */
        finish(s, t);
    }
    s->transfers.fiber = NULL;
    if (!list_empty(&s->transfers.pending)) mailboxes_end(s->m);
    cond_broadcast(&s->transfers.changed);
    s->requests--;
}

void transfers_start(struct service *s) {
    if (s->transfers.fiber != NULL || list_empty(&s->transfers.pending)) return;
    s->requests++;
    int rc = fiber_spawn("settle", settle_fiber, s, &s->transfers.fiber);
    IEMS_ASSERT(rc == 0); /* no memory: the next start goes on */
}

void transfers_stop(struct service *s) {
    s->transfers.stop_at = loop_now_ms() + STOP_AFTER_MS;
    cond_broadcast(&s->transfers.changed);
}

void transfers_done(struct service *s) {
    list_foreach_safe(it, &s->transfers.pending) transfer_free(list_entry(it, struct transfer, link));
}

int transfers_hold(struct service *s) {
    int rc = 0;
    s->transfers.held++;
    while (rc == 0 && !list_empty(&s->transfers.pending))
        rc = s->transfers.fiber == NULL ? ERR_CANCELLED : cond_wait(&s->transfers.changed, DEADLINE_NEVER);
    if (rc != 0) transfers_release(s);
    return rc;
}

void transfers_release(struct service *s) {
    if (--s->transfers.held == 0) cond_broadcast(&s->transfers.changed);
}

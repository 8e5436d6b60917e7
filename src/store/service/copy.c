/* MESSAGE_COPY and MESSAGE_EXPUNGE. Copies share the body; a move also takes the message out of its folder, in the same
 * commit. A few are written at once, many as a transfer (transfer.h). RFC 9051 section 6.4.3, 6.4.7, RFC 6851. */
#include "base/clock.h"
#include "store/mailbox/expunged.h"
#include "store/service/gather.h"
#include "store/service/transfer.h"

#include <stdlib.h>
#include <string.h>

enum { EXPUNGE_SLICE = 5000 };

/* UIDs that grow into runs. */
struct run_list {
    struct uid_run *runs;
    size_t count, cap;
};

static void run_add(struct run_list *l, uint32_t uid) {
    if (l->count > 0 && l->runs[l->count - 1].last + 1 == uid) {
        l->runs[l->count - 1].last = uid;
        return;
    }
    if (l->count == l->cap) {
        l->cap = l->cap * 2 + 16;
        l->runs = realloc(l->runs, l->cap * sizeof *l->runs);
        IEMS_ASSERT(l->runs != NULL);
    }
    l->runs[l->count++] = (struct uid_run){uid, uid};
}

/* UIDs of the selection, in an array of their own: the list may change while the fiber waits. */
static uint32_t *selected_uids(struct folder *f, const struct message_selection *sel, uint64_t flags, size_t *count) {
    uint32_t *uids = malloc((sel->count + 1) * sizeof *uids);
    IEMS_ASSERT(uids != NULL);
    *count = 0;
    for (size_t i = 0; i < sel->count; i++) {
        const struct message *m = &f->list[sel->index[i]];
        if ((m->flags & flags) == flags) uids[(*count)++] = m->uid;
    }
    return uids;
}

static bool still_there(const struct folder *f, uint32_t uid, size_t *at) {
    *at = folder_find(f, uid);
    return *at < f->count && f->list[*at].uid == uid;
}

/* --- copy */
struct copy {
    struct service *s;
    struct session *session;
    struct folder *from, *to;
    bool move;
    uint64_t may; /* flags that may be set in the target (RFC 4314 section 4) */
    uint64_t map[64];
    uint32_t *uids;
    size_t count;
    struct run_list got;
    struct uid_run made; /* first 0: none */
};

/* Of all of them together. */
static int copy_check(const struct copy *c, uint64_t bytes, size_t count, struct error *err) {
    struct account *owner = c->to->account;
    if (c->from->gone || c->to->gone) return error_set(err, ERR_NOTFOUND, "the folder was deleted meanwhile");
    if (c->to->uidnext > UINT32_MAX - count) return error_set(err, ERR_LIMIT, "the folder has no more UIDs");
    if (c->move && owner == c->from->account) return 0;
    enum account_room room = account_room(owner, bytes, (uint32_t)count, session_quota(c->session, owner));
    return room == ROOM_FITS ? 0 : error_set(err, ERR_NOSPACE, "%s", account_room_text(room));
}

static uint64_t mapped(const struct copy *c, uint64_t flags) {
    uint64_t out = 0;
    for (; flags != 0; flags &= flags - 1) out |= c->map[__builtin_ctzll(flags)];
    return out;
}

static void note_made(struct copy *c, uint32_t uid) {
    if (c->made.first == 0) c->made.first = uid;
    c->made.last = uid;
}

static int copy_commit(struct copy *c, struct batch *b) {
    if (batch_empty(b)) return store_wait_durable(c->s->st, c->from->seq);
    c->from->seq = c->to->seq = commit_last(c->s->st->commits) + 1;
    int rc = store_commit(c->s->st, b, COMMIT_DURABLE, NULL);
    if (!c->to->gone) folder_changed(c->to, c->to->seq);
    if (c->move && c->from != c->to && !c->from->gone) folder_changed(c->from, c->from->seq);
    return rc;
}

/* --- a few, written at once */
static void copy_one(struct copy *c, struct batch *b, struct gathered *g, uint64_t flags) {
    struct message_new n = {.flags = mapped(c, flags),
                            .internal_date = g->stored.internal_date,
                            .blob = g->stored.blob,
                            .body_size = g->stored.size - g->stored.prefix.len,
                            .prefix = g->stored.prefix,
                            .summary = g->stored.summary};
    run_add(&c->got, g->uid);
    note_made(c, folder_append(c->to, b, &n));
    if (!c->move) blob_add_refs(c->s->bs, b, g->blob, 1);
}

/* Leaves those that are there still and have a body; the others lose it. Returns their bytes. */
static uint64_t still_whole(struct copy *c, struct gather *g, uint64_t *used) {
    uint64_t bytes = 0;
    size_t n = 0, at;
    for (size_t i = 0; i < g->count; i++) {
        struct gathered *m = &g->list[i];
        if (m->blob == NULL || m->blob->refs == 0 || !still_there(c->from, m->uid, &at)) {
            blob_unpin(c->s->bs, m->blob);
            continue;
        }
        *used |= c->from->list[at].flags;
        bytes += m->stored.size;
        g->list[n++] = *m;
    }
    g->count = n;
    return bytes;
}

/* Changes memory and fills the batch, without a wait. */
static void copy_gathered(struct copy *c, struct batch *b, struct gather *g, uint64_t bytes, uint64_t used) {
    size_t index[TRANSFER_MIN];
    folder_map_flags(c->from, c->to, b, used, c->may, c->map);
    for (size_t i = 0; i < g->count; i++) {
        index[i] = folder_find(c->from, g->list[i].uid);
        copy_one(c, b, &g->list[i], c->from->list[index[i]].flags);
    }
    if (c->move) folder_list_remove(c->from, b, index, g->count, bytes, folder_next_modseq(c->from));
}

/* ERR_AGAIN: they are too large for one commit. */
static int copy_few(struct copy *c, struct error *err) {
    struct gather g;
    struct batch b;
    uint64_t used = 0, bytes = 0;
    int rc = c->count == 0 ? 0 : folder_wait_records(c->from, c->uids[c->count - 1]);
    if (rc == 0) rc = gather_take(&g, c->s, c->from->id, c->uids, c->count);
    if (rc != 0) return rc;
    rc = g.count < c->count ? ERR_AGAIN : c->move ? folder_wait_sources(c->from) : 0;
    if (rc == 0) bytes = still_whole(c, &g, &used);
    if (rc == 0) rc = copy_check(c, bytes, g.count, err);
    batch_init(&b);
    if (rc == 0 && g.count > 0) copy_gathered(c, &b, &g, bytes, used);
    gather_done(&g);
    if (rc == 0) rc = copy_commit(c, &b);
    batch_done(&b);
    return rc;
}

/* --- many, as a transfer */
static void copy_chosen(struct copy *c, struct batch *b, struct transfer_choice *choice) {
    uint64_t used = 0;
    for (size_t i = 0; i < c->from->count; i++) used |= c->from->list[i].flags;
    folder_map_flags(c->from, c->to, b, used, c->may, c->map);
    const struct transfer *t = transfer_begin(c->s, b, c->move ? TRANSFER_MOVE : TRANSFER_COPY, choice, c->to, c->map);
    for (size_t i = 0; i < choice->count; i++) run_add(&c->got, choice->uids[i]);
    c->made = (struct uid_run){t->first, t->first + t->count - 1};
}

static int copy_many(struct copy *c, struct error *err) {
    struct transfer_choice choice;
    struct batch b;
    int rc = transfer_choose(c->s, &choice, c->from, c->uids, c->count);
    c->uids = NULL;
    if (rc == 0) rc = transfer_wait_turn(c->s, c->to);
    if (rc == 0) transfer_choice_refresh(&choice);
    if (rc == 0) rc = copy_check(c, choice.bytes, choice.count, err);
    batch_init(&b);
    if (rc == 0 && choice.count > 0) copy_chosen(c, &b, &choice);
    transfer_choice_done(&choice);
    if (rc == 0) rc = copy_commit(c, &b);
    batch_done(&b);
    return rc;
}

static int copy_run(struct copy *c, struct rpc_request *r, const Store__MessageCopy *req, struct error *err) {
    struct message_selection sel = {0};
    int rc = c->move ? 0 : space_refuse(c->s, err);
    if (rc == 0) rc = select_messages(c->from, req->uids, req->n_uids, 0, SIZE_MAX, r->arena, &sel);
    if (rc != 0) return rc;
    if (req->n_uids == 0) sel.count = 0;
    c->uids = selected_uids(c->from, &sel, 0, &c->count);
    free(sel.index);
    rc = c->count < c->s->transfers.min ? copy_few(c, err) : ERR_AGAIN;
    if (rc == ERR_AGAIN) rc = copy_many(c, err);
    if (rc != 0) return rc;
    Store__MessageCopied reply = STORE__MESSAGE_COPIED__INIT;
    bool may_read = (session_rights(c->session, c->to) & RIGHT_READ) != 0;
    if (may_read) reply.uidvalidity = c->to->uidvalidity;
    reply.modseq = c->from->highestmodseq;
    reply.from = runs_make(r->arena, c->got.runs, c->got.count);
    reply.n_from = reply.from == NULL ? 0 : c->got.count;
    reply.to = runs_make(r->arena, &c->made, c->made.first != 0);
    reply.n_to = reply.to == NULL || !may_read ? 0 : c->made.first != 0;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_message_copy) {
    const Store__MessageCopy *req = (const Store__MessageCopy *)r->msg;
    struct copy c = {.s = arg, .move = req->move};
    int rc = session_pin(r, req->session, &c.session, err);
    if (rc != 0) return rc;
    struct session *session = c.session;
    uint32_t needed = RIGHT_READ | (req->move ? RIGHT_TRASH | RIGHT_EXPUNGE : 0); /* RFC 6851 section 4.1 */
    rc = session_folder(session, req->folder, needed, &c.from, err);
    if (rc == 0) rc = folder_load(c.from);
    if (rc == 0) {
        rc = session_folder_named(session, req->to, RIGHT_INSERT, &c.to, err);
        if (rc == 0 && c.to->no_select)
            rc = error_set(err, ERR_NOTFOUND, "\"%.200s\" holds only other folders", c.to->name);
        if (rc == 0) {
            c.to->pins++;
            c.may = rights_flags(session_rights(session, c.to));
            rc = copy_run(&c, r, req, err);
            folder_unload(c.to);
        }
        folder_unload(c.from);
    }
    free(c.uids);
    free(c.got.runs);
    session_unpin(session);
    return rc;
}

/* --- expunge */
/* Its body's reference goes, or stays with a record by which it may be brought back. */
static void leave(struct service *s, struct batch *b, const struct folder *f, const struct gather *g, size_t i,
                  uint64_t flags, struct str origin) {
    const struct gathered *m = &g->list[i];
    if (m->blob == NULL || m->blob->refs == 0) return;
    if (origin.len == 0) {
        blob_add_refs(s->bs, b, m->blob, -1);
        return;
    }
    expunged_put(b, f->account->id, (uint64_t)clock_wall_ms(), f->id, m->uid, flags, origin,
                 str_of(g->values.ptr + m->value, m->value_len), m->blob);
}

/* `gone` NULL: nobody needs to know, and they cannot be brought back. */
static int expunge_slice(struct service *s, struct folder *f, const uint32_t *uids, size_t max, uint64_t flags,
                         size_t *done, struct run_list *gone) {
    struct gather g;
    struct batch b;
    int rc = folder_wait_records(f, uids[max - 1]);
    if (rc == 0) rc = gather_take(&g, s, f->id, uids, max);
    if (rc != 0) return rc;
    rc = folder_wait_sources(f); /* no wait from here */
    if (rc != 0) {
        gather_done(&g);
        return rc;
    }
    *done = g.count;
    size_t *index = malloc((g.count + 1) * sizeof *index), n = 0;
    uint64_t size = 0;
    IEMS_ASSERT(index != NULL);
    BUF_AUTO origin = BUF_INIT(EXPUNGED_HEAD_MAX);
    if (s->undelete.keep_ms > 0 && gone != NULL) expunged_origin(f, &origin);
    batch_init(&b);
    for (size_t i = 0; i < g.count && !f->gone; i++) {
        size_t at;
        if (!still_there(f, g.list[i].uid, &at) || (f->list[at].flags & flags) != flags) continue;
        index[n++] = at;
        size += g.list[i].stored.size;
        leave(s, &b, f, &g, i, f->list[at].flags, buf_str(&origin));
        if (gone != NULL) run_add(gone, g.list[i].uid);
    }
    if (n > 0) folder_list_remove(f, &b, index, n, size, folder_next_modseq(f));
    gather_done(&g);
    free(index);
    if (batch_empty(&b)) return 0;
    f->seq = commit_last(s->st->commits) + 1;
    rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    if (!f->gone) folder_changed(f, f->seq);
    return rc;
}

uint32_t *uids_of_runs(const struct folder *f, const struct uid_run *runs, size_t run_count, size_t *count) {
    uint32_t *uids = malloc((f->count + 1) * sizeof *uids);
    size_t n = 0, at = 0;
    IEMS_ASSERT(uids != NULL);
    for (size_t i = 0; i < run_count; i++) {
        size_t first = folder_find(f, runs[i].first);
        for (at = first > at ? first : at; at < f->count && f->list[at].uid <= runs[i].last; at++)
            uids[n++] = f->list[at].uid;
    }
    *count = n;
    return uids;
}

int messages_drop(struct service *s, struct folder *f, const struct uid_run *runs, size_t run_count) {
    size_t count = 0;
    uint32_t *uids = uids_of_runs(f, runs, run_count, &count);
    int rc = 0;
    for (size_t at = 0, n = 0; rc == 0 && at < count && !f->gone; at += n) {
        size_t max = count - at < EXPUNGE_SLICE ? count - at : EXPUNGE_SLICE;
        rc = expunge_slice(s, f, uids + at, max, 0, &n, NULL);
    }
    if (rc == 0 && count > 0) rc = store_wait_durable(s->st, f->seq);
    free(uids);
    return rc;
}

static int expunge(struct service *s, struct rpc_request *r, const Store__MessageExpunge *req, struct folder *f) {
    struct message_selection sel = {0};
    struct run_list gone = {0};
    uint64_t flags = req->only_deleted ? MAILBOX_DELETED : 0;
    size_t count = 0;
    int rc = select_messages(f, req->uids, req->n_uids, 0, SIZE_MAX, r->arena, &sel);
    if (rc != 0) return rc;
    uint32_t *uids = selected_uids(f, &sel, flags, &count);
    free(sel.index);
    for (size_t at = 0, n = 0; rc == 0 && at < count; at += n)
        rc = expunge_slice(s, f, uids + at, count - at < EXPUNGE_SLICE ? count - at : EXPUNGE_SLICE, flags, &n, &gone);
    uint64_t modseq = f->highestmodseq;
    if (rc == 0) rc = store_wait_durable(s->st, f->seq);
    if (rc == 0) {
        Store__MessageExpunged reply = STORE__MESSAGE_EXPUNGED__INIT;
        reply.vanished = runs_make(r->arena, gone.runs, gone.count);
        reply.n_vanished = reply.vanished == NULL ? 0 : gone.count;
        reply.modseq = modseq;
        rpc_answer(r, &reply.base, STR_EMPTY);
    }
    free(uids);
    free(gone.runs);
    return rc;
}

HANDLER(on_message_expunge) {
    const Store__MessageExpunge *req = (const Store__MessageExpunge *)r->msg;
    struct session *session;
    struct folder *f;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = session_folder(session, req->folder, RIGHT_EXPUNGE, &f, err);
    if (rc == 0) rc = folder_load(f);
    if (rc == 0) {
        rc = expunge(arg, r, req, f);
        folder_unload(f);
    }
    session_unpin(session);
    return rc;
}

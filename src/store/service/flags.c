/* MESSAGE_STORE: flags of many messages in one durable commit, as one record if there are many (fold.h). RFC 9051
 * section 6.4.6, RFC 7162 section 3.1.3. */
#include "store/service/private.h"

#include <stdlib.h>

struct change {
    const Store__MessageStore *req;
    struct session *session;
    struct folder *f;
    struct batch b;
    uint64_t may, bits; /* may: what the asker may change (RFC 4314 section 4) */
    struct flag_change change;
    struct message_selection sel;
    struct uid_run *failed;
    size_t failed_count;
    struct uid_run *runs; /* of those that change, if that is one record */
    size_t run_count;
    struct buf records;
    uint32_t changed;
    uint64_t modseq;
};

static uint64_t known_bits(const struct folder *f) {
    uint64_t keywords =
        f->keyword_count == MAILBOX_KEYWORDS_MAX ? ~0ull : (1ull << (f->keyword_count + MAILBOX_KEYWORD_SHIFT)) - 1;
    return keywords;
}

static struct flag_change change_of(const struct change *c) {
    uint64_t bits = c->bits & c->may;
    switch (c->req->mode) {
    case STORE__STORE_MODE__FLAGS_ADD: return (struct flag_change){~0ull, bits};
    case STORE__STORE_MODE__FLAGS_REMOVE: return (struct flag_change){~bits, 0};
    default: return (struct flag_change){~c->may, bits};
    }
}

/* It is refused only when none of the flags that it names may be changed (RFC 4314 section 4); to set none at all means
 * all of them. */
static int may_change(struct change *c, uint32_t rights, struct error *err) {
    bool set = c->req->mode == STORE__STORE_MODE__FLAGS_SET;
    uint64_t wanted = c->req->flags | (c->req->n_keywords > 0 ? ~(uint64_t)MAILBOX_SYSTEM_FLAGS : 0);
    if (set && wanted == 0) wanted = ~0ull;
    c->may = rights_flags(rights);
    return wanted == 0 || (wanted & c->may) != 0 ? 0 : error_set(err, ERR_DENIED, "no right to change these flags");
}

static void note_failed(struct change *c, uint32_t uid) {
    if (c->failed_count > 0 && c->failed[c->failed_count - 1].last + 1 == uid)
        c->failed[c->failed_count - 1].last = uid;
    else
        c->failed[c->failed_count++] = (struct uid_run){uid, uid};
}

/* Leaves the messages that change in the selection, and counts their runs. */
static size_t select_changed(struct change *c) {
    size_t n = 0, runs = 0;
    for (size_t i = 0; i < c->sel.count; i++) {
        size_t at = c->sel.index[i];
        const struct message *m = &c->f->list[at];
        if (c->req->has_unchanged_since && m->modseq > c->req->unchanged_since) {
            note_failed(c, m->uid);
        } else if (flag_change_apply(&c->change, m->flags) != m->flags) {
            runs += n == 0 || c->sel.index[n - 1] + 1 != at;
            c->sel.index[n++] = at;
        }
    }
    c->sel.count = n;
    return runs;
}

static void note_run(struct change *c, size_t i) {
    size_t at = c->sel.index[i];
    if (i == 0 || c->sel.index[i - 1] + 1 != at) c->runs[c->run_count++].first = c->f->list[at].uid;
    c->runs[c->run_count - 1].last = c->f->list[at].uid;
}

static void change_all(struct service *s, struct change *c) {
    c->change = change_of(c);
    size_t runs = select_changed(c);
    if (c->sel.count == 0) return;
    if (fold_may(s, c->f, c->sel.count, runs)) {
        c->runs = calloc(runs, sizeof *c->runs);
        IEMS_ASSERT(c->runs != NULL);
    }
    c->modseq = folder_next_modseq(c->f);
    for (size_t i = 0; i < c->sel.count; i++) {
        struct message *m = &c->f->list[c->sel.index[i]];
        folder_change_flags(c->f, &c->b, m, flag_change_apply(&c->change, m->flags), c->modseq);
        if (c->runs != NULL)
            note_run(c, i);
        else
            folder_put_flags(c->f, &c->b, m);
        if (c->req->quiet) continue;
        struct message_record rec = {.uid = m->uid, .flags = m->flags, .modseq = m->modseq};
        message_record_put(&c->records, 0, &rec);
    }
    c->changed = (uint32_t)c->sel.count;
    if (c->runs != NULL) fold_add(s, &c->b, c->f, c->modseq, &c->change, c->runs, c->run_count);
    folder_put_counters(c->f, &c->b);
}

static int run(struct service *s, struct rpc_request *r, struct change *c, struct error *err) {
    const Store__MessageStore *req = c->req;
    struct folder *f = c->f;
    bool create = req->mode != STORE__STORE_MODE__FLAGS_REMOVE && c->may >> MAILBOX_KEYWORD_SHIFT != 0;
    int rc = folder_keywords(f, &c->b, req->keywords, req->n_keywords, create, true, &c->bits);
    if (rc != 0)
        return error_set(err, rc, "a folder may have at most %d keywords of 1 to %d bytes", MAILBOX_KEYWORDS_MAX,
                         KEYWORD_LEN_MAX);
    c->bits |= req->flags & known_bits(f);
    rc = select_messages(f, req->uids, req->n_uids, 0, SIZE_MAX, r->arena, &c->sel);
    if (rc != 0) return rc;
    c->failed = malloc((c->sel.count + 1) * sizeof *c->failed);
    IEMS_ASSERT(c->failed != NULL);
    c->failed_count = 0;
    if (req->n_uids > 0) change_all(s, c);
    /* What is answered is built before the wait: the folder as this change left it. */
    Store__MessageStored reply = STORE__MESSAGE_STORED__INIT;
    Store__Folder folder = STORE__FOLDER__INIT;
    folder_fill(c->session, f, r->arena, &folder);
    reply.folder = &folder;
    reply.modseq = c->modseq != 0 ? c->modseq : f->highestmodseq;
    reply.count = c->changed;
    reply.failed = runs_make(r->arena, c->failed, c->failed_count);
    reply.n_failed = reply.failed == NULL ? 0 : c->failed_count;
    if (batch_empty(&c->b)) {
        rc = store_wait_durable(s->st, f->seq);
    } else {
        f->seq = commit_last(s->st->commits) + 1;
        rc = store_commit(s->st, &c->b, COMMIT_DURABLE, NULL);
        if (!f->gone) folder_changed(f, f->seq);
    }
    if (rc == 0) rpc_answer(r, &reply.base, buf_str(&c->records));
    return rc;
}

HANDLER(on_message_store) {
    const Store__MessageStore *req = (const Store__MessageStore *)r->msg;
    struct change c = {.req = req, .records = BUF_INIT(RPC_FRAME_MAX - 4096)};
    int rc = session_pin(r, req->session, &c.session, err);
    if (rc != 0) return rc;
    struct session *session = c.session;
    rc = session_folder(session, req->folder, 0, &c.f, err);
    if (rc == 0) rc = may_change(&c, session_rights(session, c.f), err);
    if (rc == 0) rc = folder_load(c.f);
    if (rc == 0) {
        batch_init(&c.b);
        rc = run(arg, r, &c, err);
        folder_unload(c.f);
        batch_done(&c.b);
        free(c.failed);
        free(c.runs);
        free(c.sel.index);
        buf_done(&c.records);
    }
    session_unpin(session);
    return rc;
}

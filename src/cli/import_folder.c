/* One folder of another server into one of ours: page by page the flags of all, then the bodies of those that are new.
 * What was copied stands in the state of the import; what it does not know is compared by date, size and bytes. */
#include "cli/import_imap.h"

#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

enum { CALL_MS = 5 * 60 * 1000, CHANGES_MAX = 200, SYSTEM_MASK = 0xff, UID_KEEP_MAX = INT32_MAX };

/* Messages whose flags changed there in the same way. */
struct change {
    uint64_t add, remove;
    const Fetch__Item *item; /* with the keywords to add; NULL = none */
    uint64_t key;
    Store__UidRun runs[FETCH_PAGE], *list[FETCH_PAGE];
    size_t count;
};

struct copy {
    struct import_run *x;
    struct remote *remote;
    struct import_folder *f;
    struct mail_target *target;
    struct import_state state;
    const Fetch__Items *page;
    uint32_t wanted[FETCH_BODIES_MAX];
    size_t wanted_count;
    uint32_t given[FETCH_BODIES_MAX]; /* of these, what came */
    size_t given_count;
    struct change *change;
    bool own_failure;  /* on our side */
    struct error told; /* of `done` */
};

static const Fetch__Item *item_of(const struct copy *c, uint32_t uid) {
    for (size_t lo = 0, hi = c->page->n_items; lo < hi;) {
        size_t mid = (lo + hi) / 2;
        const Fetch__Item *i = c->page->items[mid];
        if (i->uid == uid) return i;
        if (i->uid < uid)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

static uint64_t flags_of(const Fetch__Item *i) {
    return import_flags(i->flags, i->keywords, i->n_keywords);
}

/* --- bodies */
static void on_done(void *arg, const struct mail_item *item, uint32_t uid) {
    struct copy *c = arg;
    const struct import_record r = {.there = (uint32_t)(item->key >> 32), .here = uid, .flags = 0};
    struct import_record full = r;
    const Fetch__Item *i = item_of(c, r.there);
    if (i != NULL) full.flags = flags_of(i);
    (void)!import_state_put(&c->state, &full, &c->told);
}

static bool was_given(const struct copy *c, uint32_t uid) {
    for (size_t i = 0; i < c->given_count; i++)
        if (c->given[i] == uid) return true;
    return false;
}

static int on_body(void *arg, const struct remote_message *m, struct error *err) {
    struct copy *c = arg;
    const Fetch__Item *i = item_of(c, m->uid);
    if (i == NULL) return 0; /* not asked for */
    struct mail_item item = {.flags = i->flags & MAILBOX_SYSTEM_FLAGS,
                             .date = m->date,
                             .body = m->body,
                             .summary = m->summary,
                             .uid = m->uid < UID_KEEP_MAX ? m->uid : 0,
                             .key = (uint64_t)m->uid << 32};
    for (size_t k = 0; k < i->n_keywords && k < MAIL_KEYWORDS_MAX; k++)
        item.keywords[item.keyword_count++] = i->keywords[k];
    if (was_given(c, m->uid)) return 0;
    int rc = mail_target_put(c->target, &item, err);
    if (rc == 0 && c->given_count < FETCH_BODIES_MAX) c->given[c->given_count++] = m->uid;
    if (rc == 0 && c->told.code != 0) rc = error_set(err, c->told.code, "%s", c->told.text);
    c->own_failure = rc != 0;
    c->x->done++;
    c->x->bytes += m->body.len;
    import_progress(c->x);
    return rc;
}

static bool is_refused(const struct import_folder *f, uint32_t uid) {
    for (size_t i = 0; i < f->refused_count; i++)
        if (f->refused[i] == uid) return true;
    return false;
}

static int refuse(struct import_folder *f, uint32_t uid, const char *why, struct error *err) {
    if (f->refused_count == IMPORT_REFUSED_MAX)
        return error_set(err, ERR_LIMIT, "the server does not give more than %d messages: %s", IMPORT_REFUSED_MAX, why);
    f->refused[f->refused_count++] = uid;
    error_fill(&f->refusal, ERR_DENIED, "%s", why);
    return 0;
}

/* One alone, so that it is known which message is bad. A connection that breaks twice at the same one leaves it out. */
static int fetch_one(struct copy *c, uint32_t uid, struct error *err) {
    struct error why = {0};
    int rc = remote_bodies(c->remote, &uid, 1, on_body, c, &why);
    if (rc == 0 && !was_given(c, uid)) return refuse(c->f, uid, "nothing came", err);
    if (rc == ERR_DENIED && !c->remote->failed) return refuse(c->f, uid, why.text, err);
    if (rc != 0 && !c->own_failure && c->f->broken_at == uid) {
        struct error none = {0};
        (void)!refuse(c->f, uid, why.text, &none);
        c->f->attempts = 0; /* the next connection goes on behind it */
    }
    if (rc != 0) c->f->broken_at = uid;
    return rc == 0 ? 0 : error_set(err, rc, "%s", why.text);
}

static int fetch_wanted(struct copy *c, struct error *err) {
    struct error why = {0};
    c->given_count = 0;
    int rc = c->wanted_count == 0 || c->f->singly
                 ? 0
                 : remote_bodies(c->remote, c->wanted, c->wanted_count, on_body, c, &why);
    if (rc != 0 && !c->own_failure) c->f->singly = true; /* now, or on the next connection */
    if (rc == ERR_DENIED && !c->remote->failed) rc = 0;
    if (rc != 0) error_fill(err, rc, "%s", why.text);
    for (size_t i = 0; rc == 0 && i < c->wanted_count; i++)
        if (!was_given(c, c->wanted[i])) rc = fetch_one(c, c->wanted[i], err);
    c->wanted_count = 0;
    return rc;
}

/* --- flags */
static int store_flags(struct copy *c, Store__StoreMode mode, uint64_t flags, const Fetch__Item *keywords,
                       struct error *err) {
    Store__MessageStore req = STORE__MESSAGE_STORE__INIT;
    struct change *g = c->change;
    if (flags == 0 && keywords == NULL) return 0;
    req.session = c->f->account->session.number;
    req.folder = mail_target_folder(c->target);
    req.mode = mode;
    req.flags = flags;
    req.uids = g->list;
    req.n_uids = g->count;
    if (keywords != NULL) {
        req.keywords = keywords->keywords;
        req.n_keywords = keywords->n_keywords;
    }
    return rpc_call(c->x->store, STORE_MESSAGE_STORE, &req.base, STR_EMPTY, loop_now_ms() + CALL_MS, NULL, err);
}

static int flush_change(struct copy *c, struct error *err) {
    struct change *g = c->change;
    if (g->count == 0) return 0;
    int rc = store_flags(c, STORE__STORE_MODE__FLAGS_ADD, g->add, g->item, err);
    if (rc == 0) rc = store_flags(c, STORE__STORE_MODE__FLAGS_REMOVE, g->remove, NULL, err);
    g->count = 0;
    return rc;
}

/* What changed there since it was copied is done here, too; what was changed here stays. Keywords are only added. */
static int note_change(struct copy *c, const struct import_record *old, const Fetch__Item *i, struct error *err) {
    struct change *g = c->change;
    uint64_t now = flags_of(i), add = now & ~old->flags & SYSTEM_MASK, remove = old->flags & ~now & SYSTEM_MASK;
    bool keywords = now >> 8 != old->flags >> 8 && i->n_keywords > 0;
    uint64_t key = keywords ? now >> 8 : 0;
    int rc = 0;
    c->f->changed++;
    if (c->x->options->dry_run) return 0;
    bool same = g->count > 0 && g->add == add && g->remove == remove && g->key == key;
    if (!same || g->count == FETCH_PAGE) rc = flush_change(c, err);
    if (rc != 0) return rc;
    g->add = add;
    g->remove = remove;
    g->key = key;
    g->item = keywords ? i : NULL;
    store__uid_run__init(&g->runs[g->count]);
    g->runs[g->count].first = g->runs[g->count].last = old->here;
    g->list[g->count] = &g->runs[g->count];
    g->count++;
    const struct import_record r = {.there = i->uid, .here = old->here, .flags = now};
    return import_state_put(&c->state, &r, err);
}

/* --- pages */
static int take_item(struct copy *c, const Fetch__Item *i, struct error *err) {
    const struct import_record *old = import_state_find(&c->state, i->uid);
    if (old != NULL) {
        c->f->known++;
        c->x->done++;
        return old->flags == flags_of(i) ? 0 : note_change(c, old, i, err);
    }
    if (c->x->options->dry_run) {
        c->f->counts.added++;
        c->f->counts.bytes += i->size;
        c->x->done++;
        return 0;
    }
    if (is_refused(c->f, i->uid)) return 0;
    c->wanted[c->wanted_count++] = i->uid;
    return c->wanted_count == FETCH_BODIES_MAX ? fetch_wanted(c, err) : 0;
}

static int copy_page(struct copy *c, bool *more, struct error *err) {
    Fetch__List req = FETCH__LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.sizes = c->x->options->dry_run;
    int rc = remote_call(c->remote, FETCH_LIST, &req.base, &reply, err);
    if (rc != 0) return rc;
    c->page = (const Fetch__Items *)reply.msg;
    *more = c->page->n_items > 0;
    for (size_t i = 0; rc == 0 && i < c->page->n_items; i++) rc = take_item(c, c->page->items[i], err);
    if (rc == 0) rc = fetch_wanted(c, err);
    if (rc == 0) rc = flush_change(c, err);
    if (c->target != NULL && !c->own_failure) { /* also what came before a connection broke */
        struct error none = {0};
        int flushed = mail_target_flush(c->target, rc == 0 ? err : &none);
        if (rc == 0) rc = flushed;
    }
    if (rc == 0 && c->told.code != 0) rc = error_set(err, c->told.code, "%s", c->told.text);
    import_progress(c->x);
    c->page = NULL;
    return rc;
}

static int open_state(struct copy *c, struct error *err) {
    const struct remote_server *s = &c->x->options->server;
    BUF_AUTO what = BUF_INIT(64 * 1024);
    buf_printf(&what, "%s\n%s\n%s\n", s->host, c->f->account->user, c->f->name);
    buf_add(&what, c->f->raw);
    c->f->here = mail_target_uidvalidity(c->target);
    return import_state_open(c->f->account->state_dir, buf_str(&what), c->f->there, c->f->here, c->x->options->dry_run,
                             &c->state, err);
}

static int open_both(struct copy *c, struct error *err) {
    Fetch__Select req = FETCH__SELECT__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct import_folder *f = c->f;
    const struct mail_target_config cfg = {.session = &f->account->session,
                                           .name = f->name,
                                           .special_use = f->special_use,
                                           .dry_run = c->x->options->dry_run,
                                           .subscribe = f->subscribed,
                                           .adopt = true,
                                           .keep_new = true,
                                           .done = on_done,
                                           .arg = c,
                                           .counts = &f->counts};
    req.raw = rpc_binary(f->raw);
    int rc = remote_call(c->remote, FETCH_SELECT, &req.base, &reply, err);
    if (rc != 0) return rc;
    const Fetch__Selected *s = (const Fetch__Selected *)reply.msg;
    f->there = s->uidvalidity;
    c->x->total += s->exists - f->messages; /* as it is now */
    f->messages = s->exists;
    rc = mail_target_open(&cfg, &c->target, err);
    return rc == 0 ? open_state(c, err) : rc;
}

int import_folder_run(struct import_run *x, struct remote *r, struct import_folder *f, struct error *err) {
    struct copy *c = calloc(1, sizeof *c);
    IEMS_ASSERT(c != NULL);
    *c = (struct copy){.x = x, .remote = r, .f = f, .state = {.fd = -1}, .change = calloc(1, sizeof *c->change)};
    IEMS_ASSERT(c->change != NULL);
    uint64_t before = f->counts.added + f->counts.present; /* by this run, on a connection that broke */
    f->known = 0;
    int rc = open_both(c, err);
    for (bool more = true; rc == 0 && more;) rc = copy_page(c, &more, err);
    f->known = f->known > before ? f->known - before : 0;
    mail_target_free(c->target);
    import_state_close(&c->state);
    free(c->change);
    free(c);
    return rc;
}

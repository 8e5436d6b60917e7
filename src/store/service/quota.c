/* ACCOUNTS_USAGE, QUOTA_STATE_SET, QUOTA_DOMAINS, ACCOUNT_LIMITS and ROOM_GET: what the Quota Agent and smtpd ask
 * (QUOTA-05, QUOTA-14, LIM-31). */
#include "store/mailbox/private.h"
#include "store/service/private.h"

enum { ACCOUNTS_MAX = 2000 };

/* Read from the engine on a worker, so that accounts nobody uses need not be brought into memory. */
struct usage_job {
    struct engine *e;
    Store__AccountUsage *list;
    Store__QuotaState *states;
    size_t count;
    int rc;
};

static int add_counters(struct engine *e, Store__AccountUsage *u) {
    struct key from = key_of_id(KEY_COUNTERS, u->account), to = from;
    struct engine_iter *it;
    struct str k, v;
    key_end_of_prefix(&to);
    int rc = engine_iter_open(
        e, &(struct engine_range){.space = SPACE_META, .from = key_str(&from), .to = key_str(&to)}, &it);
    if (rc != 0) return rc;
    while (engine_iter_next(e, it, &k, &v)) {
        struct folder f = {0};
        if (folder_decode_counters(&f, v) != 0) continue; /* `store check` tells of it */
        u->messages += f.messages;
        u->bytes += f.size;
    }
    return engine_iter_close(e, it);
}

static int add_files(struct engine *e, Store__AccountUsage *u) {
    struct key k = key_of_id(KEY_FILE_USAGE, u->account);
    struct file_usage f;
    BUF_AUTO v = BUF_INIT(FILE_VALUE_MAX);
    int rc = engine_get(e, SPACE_META, key_str(&k), READ_ANY, &v);
    if (rc == ERR_NOTFOUND || (rc == 0 && file_usage_decode(buf_str(&v), &f) != 0)) return 0;
    if (rc != 0) return rc;
    u->files = f.files;
    u->file_bytes = f.bytes;
    return 0;
}

static int add_state(struct engine *e, Store__AccountUsage *u, Store__QuotaState *out) {
    struct key k = key_of_id(KEY_QUOTA, u->account);
    struct quota_state q;
    BUF_AUTO v = BUF_INIT(STORE_VALUE_MAX);
    int rc = engine_get(e, SPACE_META, key_str(&k), READ_ANY, &v);
    if (rc == ERR_NOTFOUND || (rc == 0 && quota_state_decode(buf_str(&v), &q) != 0)) return 0;
    if (rc != 0) return rc;
    store__quota_state__init(out);
    out->account = u->account;
    out->stage = (Store__QuotaStage)q.stage;
    out->since = q.since;
    out->until = q.until;
    out->level = q.level;
    out->blocked = q.blocked;
    out->messages = q.messages;
    u->state = out;
    return 0;
}

static void usage_work(void *arg) {
    struct usage_job *j = arg;
    for (size_t i = 0; i < j->count && j->rc == 0; i++) {
        j->rc = add_counters(j->e, &j->list[i]);
        if (j->rc == 0) j->rc = add_files(j->e, &j->list[i]);
        if (j->rc == 0) j->rc = add_state(j->e, &j->list[i], &j->states[i]);
    }
}

HANDLER(on_accounts_usage) {
    const Store__AccountsWanted *req = (const Store__AccountsWanted *)r->msg;
    const struct service *s = arg;
    Store__AccountsUsage reply = STORE__ACCOUNTS_USAGE__INIT;
    size_t n = req->n_accounts;
    if (n > ACCOUNTS_MAX) return error_set(err, ERR_LIMIT, "more than %d accounts at once", ACCOUNTS_MAX);
    struct usage_job j = {.e = s->st->engine,
                          .list = arena_alloc(r->arena, (n + 1) * sizeof *j.list),
                          .states = arena_alloc(r->arena, (n + 1) * sizeof *j.states),
                          .count = n};
    reply.accounts = arena_alloc(r->arena, (n + 1) * sizeof(*reply.accounts));
    if (j.list == NULL || j.states == NULL || reply.accounts == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        store__account_usage__init(&j.list[i]);
        j.list[i].account = req->accounts[i];
        reply.accounts[reply.n_accounts++] = &j.list[i];
    }
    int rc = store_work(usage_work, &j);
    if (rc == 0) rc = j.rc;
    if (rc != 0) return error_set(err, rc, "the accounts cannot be read: %s", err_name(rc));
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* Writes what was changed in memory; lets the account go. */
static int state_put(struct service *s, struct account *a, struct rpc_request *r, struct error *err) {
    Store__Empty reply = STORE__EMPTY__INIT;
    struct batch b;
    batch_init(&b);
    quota_state_put(&a->state, a->id, &b);
    int rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    account_unpin(a);
    if (rc != 0) return error_set(err, rc, "the state cannot be written: %s", err_name(rc));
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* NULL with 0: deleted meanwhile, or nothing to forget; it is answered. */
static int state_pin(struct service *s, uint64_t id, const char *address, bool make, struct account **out,
                     struct rpc_request *r, struct error *err) {
    Store__Empty reply = STORE__EMPTY__INIT;
    int rc = account_pin(s->m, id, str_from(address), make, out);
    if (rc == 0) return 0;
    *out = NULL;
    if (rc != ERR_NOTFOUND) return error_set(err, rc, "the mailbox cannot be read: %s", err_name(rc));
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_quota_state_set) {
    const Store__QuotaState *req = (const Store__QuotaState *)r->msg;
    struct account *a;
    bool plain = req->stage == STORE__QUOTA_STAGE__FINE && !req->blocked;
    if (req->stage > STORE__QUOTA_STAGE__RECOVERED) return error_set(err, ERR_INVALID, "there is no such stage");
    int rc = state_pin(arg, req->account, req->address, !plain, &a, r, err);
    if (rc != 0 || a == NULL) return rc;
    a->state = (struct quota_state){.stage = (uint8_t)req->stage,
                                    .blocked = req->blocked,
                                    .since = plain ? 0 : req->since,
                                    .until = req->until,
                                    .level = req->level,
                                    .messages = a->state.messages};
    return state_put(arg, a, r, err);
}

HANDLER(on_account_limits) {
    const Store__AccountLimits *req = (const Store__AccountLimits *)r->msg;
    Store__Empty reply = STORE__EMPTY__INIT;
    struct account *a;
    int rc = state_pin(arg, req->account, req->address, req->messages > 0, &a, r, err);
    if (rc != 0 || a == NULL) return rc;
    if (a->state.messages == req->messages) {
        account_unpin(a);
        rpc_answer(r, &reply.base, STR_EMPTY);
        return 0;
    }
    a->state.messages = req->messages;
    return state_put(arg, a, r, err);
}

HANDLER(on_quota_domains) {
    const Store__QuotaDomains *req = (const Store__QuotaDomains *)r->msg;
    struct service *s = arg;
    Store__Empty reply = STORE__EMPTY__INIT;
    int rc = 0;
    domains_begin(s->m);
    for (size_t i = 0; rc == 0 && i < req->n_domains; i++)
        rc = domains_tell(s->m, str_from(req->domains[i]->name), req->domains[i]->total, req->domains[i]->used);
    if (rc != 0) return error_set(err, rc, "the totals cannot be taken: %s", err_name(rc));
    domains_end(s->m);
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_room_get) {
    const Store__RoomWanted *req = (const Store__RoomWanted *)r->msg;
    struct service *s = arg;
    struct account *a = NULL;
    Store__Room reply = STORE__ROOM__INIT;
    reply.never = req->quota > 0 && req->size > req->quota;
    int rc = account_pin(s->m, req->account, STR_EMPTY, false, &a);
    if (rc != 0 && rc != ERR_NOTFOUND) return error_set(err, rc, "the mailbox cannot be read: %s", err_name(rc));
    /* Without a size a mailbox that is full to the last byte has no room either. */
    uint64_t size = req->size > 0 ? req->size : 1;
    enum account_room room = a != NULL                                         ? account_room(a, size, 1, req->quota)
                             : domains_fit(s->m, str_from(req->address), size) ? ROOM_FITS
                                                                               : ROOM_DOMAIN_FULL;
    reply.fits = !reply.never && room == ROOM_FITS;
    reply.reason = (char *)(uintptr_t)account_room_text(reply.never && room == ROOM_FITS ? ROOM_FULL : room);
    account_unpin(a);
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

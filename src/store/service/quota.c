/* ACCOUNTS_USAGE, QUOTA_STATE_SET and ROOM_GET: what the Quota Agent and smtpd ask (QUOTA-05, QUOTA-14, LIM-31). */
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
    u->state = out;
    return 0;
}

static void usage_work(void *arg) {
    struct usage_job *j = arg;
    for (size_t i = 0; i < j->count && j->rc == 0; i++) {
        j->rc = add_counters(j->e, &j->list[i]);
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

HANDLER(on_quota_state_set) {
    const Store__QuotaState *req = (const Store__QuotaState *)r->msg;
    struct service *s = arg;
    struct account *a;
    struct batch b;
    bool plain = req->stage == STORE__QUOTA_STAGE__FINE && !req->blocked;
    Store__Empty reply = STORE__EMPTY__INIT;
    if (req->stage > STORE__QUOTA_STAGE__RECOVERED) return error_set(err, ERR_INVALID, "there is no such stage");
    int rc = account_pin(s->m, req->account, str_from(req->address), !plain, &a);
    if (rc == ERR_NOTFOUND) { /* deleted meanwhile, or nothing to forget */
        rpc_answer(r, &reply.base, STR_EMPTY);
        return 0;
    }
    if (rc != 0) return error_set(err, rc, "the mailbox cannot be read: %s", err_name(rc));
    a->state = (struct quota_state){(uint8_t)req->stage, req->blocked, plain ? 0 : req->since, req->until, req->level};
    batch_init(&b);
    quota_state_put(&a->state, a->id, &b);
    rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    account_unpin(a);
    if (rc != 0) return error_set(err, rc, "the state cannot be written: %s", err_name(rc));
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
    reply.fits = !reply.never && (a == NULL || account_fits(a, req->size > 0 ? req->size : 1, req->quota));
    const char *why = reply.fits                       ? ""
                      : a != NULL && a->state.blocked  ? "the domain has used up its room"
                      : a != NULL && !account_takes(a) ? "the mailbox is disabled as it was too full for too long"
                                                       : "the mailbox is full";
    reply.reason = (char *)(uintptr_t)why;
    account_unpin(a);
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

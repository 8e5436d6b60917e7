/* Mailbox sessions: opened by a ticket of iems-dir, bound to the connection. */
#include "base/clock.h"
#include "store/service/private.h"

#include <stdlib.h>
#include <string.h>

enum { ACCESS_STEP_MS = 60 * 1000 };

static void session_free(struct session *s) {
    session_others_free(s);
    account_unpin(s->account);
    s->service->sessions--;
    free(s);
}

static void watches_end(struct session *s) {
    for (struct list *it; (it = list_pop_front(&s->watches)) != NULL;) {
        struct watch *w = list_entry(it, struct watch, link);
        folder_unwatch(&w->base);
        free(w);
    }
}

static void session_end(struct session *s) {
    watches_end(s);
    session_unwatch_accounts(s);
    s->closed = true;
    s->pins++;
    session_unpin(s);
}

void conn_sessions_close(struct conn *c) {
    struct str key;
    void *p;
    for (size_t pos = 0; map_next(c->sessions, &pos, &key, &p);) {
        map_remove(c->sessions, key);
        session_end(p);
    }
}

int session_pin(struct rpc_request *r, uint32_t number, struct session **out, struct error *err) {
    struct conn *c = conn_of(r);
    struct session *s = map_get(c->sessions, str_of(&number, sizeof number));
    if (s == NULL) return error_set(err, ERR_DENIED, "there is no session %u", number);
    s->pins++;
    *out = s;
    return 0;
}

void session_unpin(struct session *s) {
    if (--s->pins > 0 || !s->closed) return;
    session_free(s);
}

/* The time of the last access is of interest by the minute, not by the login; a new address or quota at once. */
static void note_access(struct service *s, struct account *a, const struct ticket *t) {
    int64_t now = clock_wall_ms();
    struct batch b;
    batch_init(&b);
    account_note_owner(a, &b, t->address, t->quota);
    bool owner = !batch_empty(&b);
    bool owns = !str_eq(t->service, STR("admin")); /* an administrator's look is no access of the user */
    if (owns && now - a->last_access >= ACCESS_STEP_MS) {
        a->last_access = now;
        account_put_record(a, &b);
    }
    if (!batch_empty(&b)) {
        uint64_t seq = commit_submit(s->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
        if (owner) share_changed(s->m, seq);
    }
    batch_done(&b);
}

HANDLER(on_session_open) {
    struct service *s = arg;
    struct conn *c = conn_of(r);
    const Store__SessionOpen *req = (const Store__SessionOpen *)r->msg;
    struct ticket t;
    int rc = ticket_open(str_of(s->ticket_key, TICKET_KEY_LEN), rpc_bytes(req->ticket), clock_wall_s(), &t, err);
    if (rc != 0) return rc;
    if (map_count(c->sessions) >= SESSIONS_MAX) return error_set(err, ERR_LIMIT, "too many sessions on one connection");
    struct account *a;
    rc = account_pin(s->m, t.account, t.address, true, &a);
    if (rc == 0 && c->client.gone) {
        account_unpin(a);
        rc = ERR_CLOSED;
    }
    if (rc != 0)
        return error_set(err, rc, rc == ERR_NOTFOUND ? "this mailbox was deleted" : "the mailbox cannot be opened");
    note_access(s, a, &t);
    struct session *n = calloc(1, sizeof *n);
    IEMS_ASSERT(n != NULL);
    *n = (struct session){.service = s, .conn = c, .number = ++c->next_session, .account = a, .quota = t.quota};
    n->files.allowed = t.files;
    n->files.admin = str_eq(t.service, STR("admin"));
    n->files.limits = (struct files_limits){t.files_quota, t.files_domain_quota};
    list_init(&n->watches);
    list_init(&n->account_watches);
    IEMS_ASSERT(map_put(c->sessions, str_of(&n->number, sizeof n->number), n, NULL) == 0);
    s->sessions++;
    Store__SessionOpened reply = STORE__SESSION_OPENED__INIT;
    reply.session = n->number;
    reply.account = a->id;
    reply.address = arena_cstr(r->arena, t.address);
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_session_close) {
    const Store__SessionClose *req = (const Store__SessionClose *)r->msg;
    struct conn *c = conn_of(r);
    (void)arg;
    struct session *s = map_remove(c->sessions, str_of(&req->session, sizeof req->session));
    if (s == NULL) return error_set(err, ERR_NOTFOUND, "there is no session %u", req->session);
    session_end(s);
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_quota_get) {
    const Store__QuotaGet *req = (const Store__QuotaGet *)r->msg;
    struct session *s;
    struct account *a;
    struct str local;
    (void)arg;
    int rc = session_pin(r, req->session, &s, err);
    if (rc != 0) return rc;
    rc = session_owner(s, str_from(req->folder), &a, &local, err);
    if (rc == 0) {
        Store__QuotaInfo reply = STORE__QUOTA_INFO__INIT;
        reply.bytes = a->bytes;
        reply.messages = a->messages;
        reply.limit_bytes = session_quota(s, a);
        reply.limit_messages = a->state.messages;
        reply.root = (char *)(uintptr_t)session_owner_root(s, a, r->arena);
        rpc_answer(r, &reply.base, STR_EMPTY);
    }
    session_unpin(s);
    return rc;
}

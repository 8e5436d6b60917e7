/* RESOLVE, RESOLVE_MANY, SENDER_CHECK, DOMAINS_WATCH: answered at once from the mirror. */
#include "dir/dir.h"
#include "dir/shared.h"
#include "dir/tables.h"
#include "dir/watchers.h"
#include "proto/smtp/address.h"

/* Whether the store may say that there is no room: the account has a quota, or its domain a total. */
static void mark_limited(struct dir *d, Dir__Resolved *r) {
    const struct table *t = table_find(STR("domainquota"));
    struct rows *rows;
    if (r->n_targets == 0 || tables_rows(d->tables, t, &rows) != 0) return;
    bool totals = rows_count(rows) > 0;
    for (size_t i = 0; i < r->n_targets; i++) {
        Dir__Target *to = r->targets[i];
        if (to->account == 0) continue;
        const struct entry *e = mirror_by_account(d->mirror, to->account);
        to->limited = to->quota > 0 || (e != NULL && (e->flags & ENTRY_MAX_MESSAGES));
        if (to->limited || !totals) continue;
        const struct row *row = rows_match_domain(rows, address_domain_of(str_from(to->address)));
        to->limited = row_u64(t, row, "total") > 0;
    }
}

int handle_resolve(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__Resolve *q = (const void *)r->msg;
    Dir__Resolved answer = DIR__RESOLVED__INIT;
    int rc = resolve_address(d->mirror, &d->settings, str_from(q->address), r->arena, &answer);
    if (rc != 0) return error_set(err, rc, "cannot resolve the address");
    mark_limited(d, &answer);
    d->counts.resolves++;
    rpc_answer(r, &answer.base, STR_EMPTY);
    return 0;
}

int handle_resolve_many(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__ResolveMany *q = (const void *)r->msg;
    Dir__ResolvedMany answer = DIR__RESOLVED_MANY__INIT;
    answer.results = arena_alloc(r->arena, (q->n_addresses + 1) * sizeof(Dir__Resolved *));
    Dir__Resolved *results = arena_alloc(r->arena, (q->n_addresses + 1) * sizeof *results);
    if (answer.results == NULL || results == NULL) return error_set(err, ERR_NOMEM, "too many addresses at once");
    for (size_t i = 0; i < q->n_addresses; i++) {
        dir__resolved__init(&results[i]);
        int rc = resolve_address(d->mirror, &d->settings, str_from(q->addresses[i]), r->arena, &results[i]);
        if (rc != 0) return error_set(err, rc, "cannot resolve the addresses");
        answer.results[answer.n_results++] = &results[i];
    }
    d->counts.resolves += q->n_addresses;
    rpc_answer(r, &answer.base, STR_EMPTY);
    return 0;
}

int handle_sender_check(struct dir *d, struct rpc_request *r, struct error *err) {
    (void)err;
    const Dir__SenderCheck *q = (const void *)r->msg;
    Dir__SenderReply answer = DIR__SENDER_REPLY__INIT;
    struct str sub;
    const struct entry *owner = resolve_entry(d->mirror, &d->settings, str_from(q->address), &sub, r->arena);
    answer.allowed = owner != NULL && owner->account != 0 &&
                     (owner->account == q->account || shared_may_send(d, owner, q->account, r->arena)) &&
                     !(owner->flags & ENTRY_DISABLED) && (entry_permission(owner, STR("LOCAL")) & PERMIT_SEND);
    if (answer.allowed && owner->account != q->account)
        answer.shared = (char *)(uintptr_t)entry_get(owner, ATTR_ADDRESS).ptr;
    rpc_answer(r, &answer.base, STR_EMPTY);
    return 0;
}

/* Who keeps what it was told of domains that are not ours asks for this first, and again after the event. */
int handle_domains_watch(struct dir *d, struct rpc_request *r, struct error *err) {
    (void)d;
    struct watcher *w = watcher_of(r->session);
    if (w == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    w->domains = true;
    Dir__Empty empty = DIR__EMPTY__INIT;
    rpc_answer(r, &empty.base, STR_EMPTY);
    return 0;
}

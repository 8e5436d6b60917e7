/* RESOLVE, RESOLVE_MANY, SENDER_CHECK: answered at once from the mirror. */
#include "dir/dir.h"
#include "dir/shared.h"

int handle_resolve(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__Resolve *q = (const void *)r->msg;
    Dir__Resolved answer = DIR__RESOLVED__INIT;
    int rc = resolve_address(d->mirror, &d->settings, str_from(q->address), r->arena, &answer);
    if (rc != 0) return error_set(err, rc, "cannot resolve the address");
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
    rpc_answer(r, &answer.base, STR_EMPTY);
    return 0;
}

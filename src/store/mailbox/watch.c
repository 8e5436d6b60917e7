/* Watches on a whole account (RFC 5465): told of what is durable in any of its folders, and that names, subscriptions
 * or rights have changed. An account without a watch pays for one look at an empty list. */
#include "store/mailbox/private.h"

void account_watch(struct account *a, struct account_watch *w) {
    w->account = a;
    list_push_back(&a->watchers, &w->link);
}

void account_unwatch(struct account_watch *w) {
    list_remove(&w->link);
    w->account = NULL;
}

void account_tell(struct account *a, const struct account_change *change) {
    list_foreach_safe(it, &a->watchers) {
        struct account_watch *w = list_entry(it, struct account_watch, link);
        w->changed(w, change);
    }
}

/* Runs when the step that changed the names has submitted its commit. */
static void tell_names(void *arg) {
    struct account *a = arg;
    while (a->names_changed) {
        a->names_changed = false;
        if (store_wait_durable(a->m->st, commit_last(a->m->st->commits)) != 0) break;
        account_tell(a, &(struct account_change){.names = true});
    }
    a->names_telling = false;
    account_unpin(a);
}

void account_names_changed(struct account *a) {
    if (list_empty(&a->watchers)) return;
    a->names_changed = true;
    if (a->names_telling) return;
    a->names_telling = true;
    a->pins++;
    if (fiber_spawn("account-names", tell_names, a, NULL) == 0) return;
    a->names_telling = false;
    a->pins--; /* who watches holds the account, too */
}

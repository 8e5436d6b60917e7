/* ACCOUNT_WATCH: a session hears of changes in its own account and in those that share something with it (RFC 5465). */
#include "store/service/private.h"

#include <stdlib.h>

enum { ENTRIES_MAX = 200 };

struct session_watch {
    struct account_watch base; /* first */
    struct list link;
    struct session *session;
};

/* Names of annotations that the session may know of: with folders of others, the shared ones. What does not begin with
 * "/" is for the servers' own use. */
static size_t visible_entries(const struct session *s, const struct account *a, const struct account_change *c,
                              char **out) {
    size_t n = 0;
    for (size_t i = 0; i < c->entries && n < ENTRIES_MAX; i++) {
        struct str name = str_from(c->entry[i]);
        if (str_starts(name, STR("/")) && (a == s->account || !str_starts_nocase(name, STR("/private/"))))
            out[n++] = c->entry[i];
    }
    return n;
}

static void changed(struct account_watch *base, const struct account_change *c) {
    const struct session *s = ((struct session_watch *)base)->session;
    Store__AccountChanged msg = STORE__ACCOUNT_CHANGED__INIT;
    char *entry[ENTRIES_MAX];
    if (c->by == s) return;
    if (c->folder != NULL && (session_rights(s, c->folder) & RIGHT_READ) == 0) return;
    if (!c->names && c->folder == NULL && base->account != s->account) return;
    msg.session = s->number;
    msg.folder = c->folder == NULL ? 0 : c->folder->id;
    msg.highestmodseq = c->modseq;
    msg.entries = entry;
    msg.n_entries = visible_entries(s, base->account, c, entry);
    if (c->entries > 0 && msg.n_entries == 0) return;
    (void)!rpc_session_event(s->conn->rpc, STORE_EVENT_ACCOUNT_CHANGED, &msg.base, STR_EMPTY);
}

static void watch(struct session *s, struct account *a) {
    list_foreach(it, &s->account_watches) if (list_entry(it, struct session_watch, link)->base.account == a) return;
    struct session_watch *w = calloc(1, sizeof *w);
    IEMS_ASSERT(w != NULL);
    w->base.changed = changed;
    w->session = s;
    list_push_back(&s->account_watches, &w->link);
    account_watch(a, &w->base);
}

void session_unwatch_accounts(struct session *s) {
    for (struct list *it; (it = list_pop_front(&s->account_watches)) != NULL;) {
        struct session_watch *w = list_entry(it, struct session_watch, link);
        account_unwatch(&w->base);
        free(w);
    }
}

HANDLER(on_account_watch) {
    const Store__AccountWatch *req = (const Store__AccountWatch *)r->msg;
    struct session *s;
    struct account **others = NULL;
    size_t n = 0;
    (void)arg;
    int rc = session_pin(r, req->session, &s, err);
    if (rc != 0) return rc;
    if (req->on) rc = session_others(s, &others, &n);
    if (rc == 0 && !req->on) session_unwatch_accounts(s);
    if (rc == 0 && req->on && !s->closed) {
        watch(s, s->account);
        for (size_t i = 0; i < n; i++)
            if (others[i] != NULL && !others[i]->deleted) watch(s, others[i]);
    }
    free(others);
    session_unpin(s);
    if (rc != 0) return rc;
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

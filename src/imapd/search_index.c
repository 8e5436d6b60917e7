#include "imapd/search_index.h"

#include "imapd/store_call.h"
#include "imapd/uid_runs.h"

#include <endian.h>
#include <string.h>

enum { NEEDLES_MAX = 32, NEEDLE_MIN = 3, NEEDLE_SENT_MAX = 256, RUNS_IN_REQUEST = 2000, ARENA_BYTES = 256 * 1024 };

struct asking {
    const struct search *x;
    struct search_test *test[NEEDLES_MAX];
    Store__SearchNeedle needle[NEEDLES_MAX], *list[NEEDLES_MAX];
    size_t count;
};

static bool is_text(const struct search_test *t) {
    return (t->type == IMAP_KEY_BODY || t->type == IMAP_KEY_TEXT || t->type == IMAP_KEY_HEADER) &&
           t->needle.len >= NEEDLE_MIN;
}

static void gather(struct asking *a, struct search_test *t) {
    for (; t != NULL && a->count < NEEDLES_MAX; t = t->next) {
        gather(a, t->child);
        if (!is_text(t) || a->count == NEEDLES_MAX) continue;
        Store__SearchNeedle *n = a->list[a->count] = &a->needle[a->count];
        store__search_needle__init(n);
        n->text = rpc_binary(str_sub(t->needle, 0, NEEDLE_SENT_MAX)); /* a part of it tells enough */
        n->header = t->type != IMAP_KEY_BODY;
        imap_runs_done(&t->maybe);
        t->indexed = false;
        a->test[a->count++] = t;
    }
}

static int take(struct asking *a, struct str records) {
    for (; records.len >= 2 * sizeof(uint32_t); records = str_sub(records, 2 * sizeof(uint32_t), SIZE_MAX)) {
        uint32_t pair[2];
        memcpy(pair, records.ptr, sizeof pair);
        uint32_t uid = le32toh(pair[0]), bits = le32toh(pair[1]);
        for (size_t i = 0; i < a->count; i++) {
            int err = (bits >> i & 1) != 0 ? imap_runs_add(&a->test[i]->maybe, uid, uid) : 0;
            if (err != 0) return err;
        }
    }
    return 0;
}

/* One request, and the pages that answer it. */
static int ask(struct asking *a, const struct imap_runs *uids, size_t run, size_t *taken) {
    ARENA_AUTO arena = arena_new(ARENA_BYTES);
    Store__SearchCandidates req = STORE__SEARCH_CANDIDATES__INIT;
    struct uid_runs runs;
    if (arena == NULL) return ERR_NOMEM;
    int err = uid_runs_make(uids, run, RUNS_IN_REQUEST, arena, &runs);
    if (err != 0) return err;
    req.folder = a->x->s->view->folder;
    req.uids = runs.run;
    req.n_uids = runs.count;
    req.needles = a->list;
    req.n_needles = a->count;
    *taken = runs.count;
    for (bool more = true; more && err == 0;) {
        RPC_REPLY_AUTO reply = {0};
        err = session_call(a->x->s, STORE_SEARCH_CANDIDATES, &req, STR_EMPTY, &reply, NULL);
        if (err != 0) break;
        const Store__SearchFound *found = (const Store__SearchFound *)reply.msg;
        err = take(a, reply.attach);
        more = found->more && found->last_uid > req.after_uid;
        if (found->more && !more) err = ERR_CORRUPT;
        req.after_uid = found->last_uid;
    }
    return err;
}

bool search_index_ask(const struct search *x, const struct imap_runs *uids) {
    struct asking a = {.x = x};
    int err = 0;
    gather(&a, x->root);
    if (a.count == 0) return false;
    for (size_t run = 0, n = 0; run < uids->count && err == 0; run += n) err = ask(&a, uids, run, &n);
    for (size_t i = 0; i < a.count; i++) a.test[i]->indexed = err == 0;
    return err == 0;
}

static void forget(struct search_test *t) {
    for (; t != NULL; t = t->next) {
        forget(t->child);
        t->indexed = false;
        imap_runs_done(&t->maybe);
    }
}

void search_index_forget(const struct search *x) {
    forget(x->root);
}

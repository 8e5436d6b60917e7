#include "imapd/pages.h"

#include "imapd/store_call.h"
#include "imapd/uid_runs.h"
#include "imapd/view.h"
#include "store/mailbox/record.h"

#include <stdlib.h>

enum { RUNS_IN_REQUEST = 2000, ARENA_BYTES = 256 * 1024 };

struct pages {
    struct session *s;
    const struct imap_runs *uids;
    unsigned fields;
    uint64_t folder, changed_since;
    size_t run;          /* first run that is not listed whole */
    uint32_t after;      /* last UID got */
    bool ended;          /* nothing more to ask for */
    struct arena *arena; /* of a request */

    struct rpc_reply present, ahead;
    int ahead_err;
    bool running; /* a fiber is fetching `ahead` */
    bool have_ahead;
    struct fiber *fiber;
    struct cond done;
};

struct pages *pages_open(struct session *s, const struct imap_runs *uids, unsigned fields, uint64_t changed_since) {
    return pages_open_in(s, s->view->folder, uids, fields, changed_since);
}

struct pages *pages_open_in(struct session *s, uint64_t folder, const struct imap_runs *uids, unsigned fields,
                            uint64_t changed_since) {
    struct pages *p = calloc(1, sizeof *p);
    if (p == NULL) return NULL;
    p->s = s;
    p->uids = uids;
    p->fields = fields;
    p->folder = folder;
    p->changed_since = changed_since;
    p->arena = arena_new(ARENA_BYTES);
    p->ended = uids->count == 0;
    cond_init(&p->done);
    if (p->arena == NULL) {
        free(p);
        return NULL;
    }
    return p;
}

/* Where the next request begins: behind the page that came. */
static void advance(struct pages *p, const Store__MessageListed *page, size_t asked) {
    if (page->more && page->last_uid > p->after) {
        p->after = page->last_uid;
        while (p->run < p->uids->count && p->uids->run[p->run].last <= p->after) p->run++;
    } else {
        p->run += asked;
    }
    p->ended = p->run >= p->uids->count;
}

static int fetch(struct pages *p, struct rpc_reply *reply) {
    Store__MessageList req = STORE__MESSAGE_LIST__INIT;
    struct uid_runs runs;
    arena_reset(p->arena);
    int err = uid_runs_make(p->uids, p->run, RUNS_IN_REQUEST, p->arena, &runs);
    if (err != 0) return err;
    req.folder = p->folder;
    req.uids = runs.run;
    req.n_uids = runs.count;
    req.after_uid = p->after;
    req.fields = p->fields;
    req.changed_since = p->changed_since;
    err = session_call(p->s, STORE_MESSAGE_LIST, &req, STR_EMPTY, reply, NULL);
    if (err == 0) advance(p, (const Store__MessageListed *)reply->msg, runs.count);
    return err;
}

static void fetch_ahead(void *arg) {
    struct pages *p = arg;
    p->ahead_err = fetch(p, &p->ahead);
    p->running = false;
    cond_broadcast(&p->done);
}

static void start_ahead(struct pages *p) {
    if (p->ended || fiber_spawn("imap-pages", fetch_ahead, p, &p->fiber) != 0) return;
    p->running = p->have_ahead = true;
}

int pages_next(struct pages *p, struct str *records) {
    do {
        int err;
        rpc_reply_free(&p->present);
        if (p->have_ahead) {
            while (p->running) {
                err = cond_wait(&p->done, DEADLINE_NEVER); /* the call itself has a deadline */
                if (err != 0) return err;
            }
            p->have_ahead = false;
            err = p->ahead_err;
            p->present = p->ahead;
            p->ahead = (struct rpc_reply){0};
        } else if (p->ended) {
            return ERR_NOTFOUND;
        } else {
            err = fetch(p, &p->present);
        }
        if (err != 0) return err;
        start_ahead(p);
    } while (p->present.attach.len == 0);
    *records = p->present.attach;
    return 0;
}

void pages_close(struct pages *p) {
    if (p == NULL) return;
    if (p->running) fiber_cancel(p->fiber);
    while (p->running) /* it uses the session; and this fiber may be cancelled as well */
        if (cond_wait(&p->done, DEADLINE_NEVER) != 0) fiber_yield();
    rpc_reply_free(&p->present);
    rpc_reply_free(&p->ahead);
    arena_free(p->arena);
    free(p);
}

int pages_flagged(struct session *s, uint64_t folder, const struct imap_runs *uids, uint64_t flags,
                  struct imap_runs *out) {
    struct pages *p = pages_open_in(s, folder, uids, 0, 0);
    struct str records;
    struct message_record r;
    if (p == NULL) return ERR_NOMEM;
    int err;
    while ((err = pages_next(p, &records)) == 0)
        while (err == 0 && message_record_get(&records, 0, &r) == 0)
            if ((r.flags & flags) == flags) err = imap_runs_add(out, r.uid, r.uid);
    pages_close(p);
    return err == ERR_NOTFOUND ? 0 : err;
}

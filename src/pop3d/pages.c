/* Messages of a maildrop in bulk: a page at a time, and the next one while the client takes those of the present one.
 */
#include "pop3d/maildrop_private.h"
#include "rpc/store_methods.h"
#include "store/mailbox/record.h"

/* ---------------------------------------------------------------- a page */

static void page_free(struct maildrop_page *p) {
    rpc_reply_free(&p->reply);
    *p = (struct maildrop_page){0};
}

/* From `uid` on; only this one message when it is also the `last`. */
static int page_fetch(struct maildrop *m, uint32_t uid, uint32_t last, unsigned fields, struct maildrop_page *out,
                      struct error *err) {
    Store__UidRun run = STORE__UID_RUN__INIT;
    Store__UidRun *runs[] = {&run};
    Store__MessageList request = STORE__MESSAGE_LIST__INIT;
    struct maildrop_page p = {.fields = fields};
    run.first = uid;
    run.last = last;
    request.session = m->session;
    request.folder = m->folder;
    request.fields = fields;
    request.max_bytes = RPC_PAGE_BYTES;
    request.n_uids = 1;
    request.uids = runs;
    int rc = maildrop_call(m, STORE_MESSAGE_LIST, &request.base, &p.reply, err);
    if (rc != 0) return rc;
    const Store__MessageListed *listed = (const void *)p.reply.msg;
    p.rest = p.reply.attach;
    p.next_uid = listed->more && listed->last_uid >= uid && listed->last_uid < last ? listed->last_uid + 1 : 0;
    *out = p;
    return 0;
}

/* UIDs ascend. On success *rest is behind the record. */
static int find_record(struct str *rest, uint32_t uid, unsigned fields, struct message_record *r) {
    struct str at = *rest;
    int rc;
    while ((rc = message_record_get(&at, fields, r)) == 0 && r->uid <= uid) {
        if (r->uid != uid) continue;
        *rest = at;
        return 0;
    }
    return rc != 0 ? rc : ERR_NOTFOUND;
}

static int page_find(struct maildrop_page *p, uint32_t uid, unsigned fields, struct str *bytes) {
    if (p->reply.msg == NULL || p->fields != fields) return ERR_NOTFOUND;
    struct message_record r;
    int rc = find_record(&p->rest, uid, fields, &r);
    if (rc == ERR_NOTFOUND) {
        struct str all = p->reply.attach;
        rc = find_record(&all, uid, fields, &r);
        if (rc == 0) p->rest = all;
    }
    if (rc != 0) return rc;
    *bytes = fields == FIELD_HEADER ? r.header : r.body;
    return (fields == FIELD_HEADER ? r.header_too_large : r.body_too_large) ? ERR_LIMIT : 0;
}

/* ---------------------------------------------------------------- the next one */

static uint32_t last_uid(const struct maildrop *m) {
    return m->messages[m->count - 1].uid;
}

/* Opens no session anew: the owner of the maildrop does when it needs one. */
static void ahead_main(void *arg) {
    struct maildrop *m = arg;
    struct maildrop_ahead *a = &m->ahead;
    struct error err = {0};
    a->rc =
        maildrop_session_lost(m) ? ERR_CLOSED : page_fetch(m, a->first, last_uid(m), m->page.fields, &a->page, &err);
    a->done = true;
    cond_signal(&a->finished);
}

/* Begins once half of the page is used up. */
static void ahead_start(struct maildrop *m) {
    struct maildrop_ahead *a = &m->ahead;
    if (a->begun || m->page.next_uid == 0 || m->page.rest.len > m->page.reply.attach.len / 2) return;
    *a = (struct maildrop_ahead){.first = m->page.next_uid, .begun = true};
    cond_init(&a->finished);
    if (fiber_spawn("pop3 page", ahead_main, m, &a->fiber) != 0) a->begun = false;
}

/* Always waits for the end, since the page belongs to the waiter; a session that is cancelled cancels the page. */
static void ahead_wait(struct maildrop_ahead *a) {
    while (!a->done) {
        if (cond_wait(&a->finished, DEADLINE_NEVER) != ERR_CANCELLED || a->done) continue;
        fiber_cancel(a->fiber);
        fiber_yield();
    }
}

static void ahead_forget(struct maildrop *m) {
    struct maildrop_ahead *a = &m->ahead;
    if (!a->begun) return;
    ahead_wait(a);
    page_free(&a->page);
    a->begun = false;
}

/* It takes the place of the page, if it came. */
static void ahead_take(struct maildrop *m) {
    struct maildrop_ahead *a = &m->ahead;
    ahead_wait(a);
    a->begun = false;
    if (a->rc != 0) return;
    page_free(&m->page);
    m->page = a->page;
    a->page = (struct maildrop_page){0};
}

/* ---------------------------------------------------------------- what others see */

void maildrop_forget_pages(struct maildrop *m) {
    ahead_forget(m);
    page_free(&m->page);
}

bool maildrop_has_pages(const struct maildrop *m) {
    return m->page.reply.msg != NULL || m->ahead.begun;
}

int maildrop_get(struct maildrop *m, size_t index, bool only_header, bool ahead, struct str *bytes, struct error *err) {
    uint32_t uid = m->messages[index].uid;
    unsigned fields = only_header ? FIELD_HEADER : FIELD_BODY;
    int rc = page_find(&m->page, uid, fields, bytes);
    if (rc == ERR_NOTFOUND && m->ahead.begun && m->page.fields == fields && uid >= m->ahead.first) {
        ahead_take(m);
        rc = page_find(&m->page, uid, fields, bytes);
    }
    if (rc == ERR_NOTFOUND) {
        maildrop_forget_pages(m);
        if ((rc = maildrop_ensure_session(m, err)) != 0) return rc;
        rc = page_fetch(m, uid, ahead ? last_uid(m) : uid, fields, &m->page, err);
        if (rc != 0) return rc;
        rc = page_find(&m->page, uid, fields, bytes);
    }
    if (rc == 0 && ahead) ahead_start(m);
    return rc;
}

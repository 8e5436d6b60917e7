/* All messages of a folder, page by page. The store leaves messages out of its pages that it cannot read: when texts
 * are wanted, the list of UIDs, which it has in memory, tells which these are, and each is asked for alone once more.
 */
#include "cli/mail.h"

#include "net/loop.h"

#include <stdlib.h>

enum { CALL_MS = 5 * 60 * 1000, SKIP = 500 };

struct each {
    const struct mail_session *s;
    uint64_t folder;
    unsigned fields;
    int (*each)(void *arg, const struct mail_message *m, struct error *err);
    void *arg;
    uint32_t *uids; /* that there are, in order; those before `next` were given */
    size_t count, next;
};

static int list(const struct each *x, const Store__MessageList *req, struct rpc_reply *reply, struct error *err) {
    return rpc_call(x->s->store, STORE_MESSAGE_LIST, &req->base, STR_EMPTY, loop_now_ms() + CALL_MS, reply, err);
}

static Store__MessageList request(const struct each *x, unsigned fields) {
    Store__MessageList req = STORE__MESSAGE_LIST__INIT;
    req.session = x->s->number;
    req.folder = x->folder;
    req.fields = fields;
    return req;
}

static int give(const struct each *x, const struct message_record *r, struct error *err) {
    struct mail_message m = {.uid = r->uid,
                             .flags = r->flags,
                             .date = r->internal_date,
                             .size = (int64_t)r->size,
                             .body = r->body,
                             .summary = r->summary};
    if (!(x->fields & FIELD_BODY) || !r->body_too_large) return x->each(x->arg, &m, err);
    BUF_AUTO body = BUF_INIT(MAIL_BODY_MAX);
    struct error why = {0};
    int rc = mail_read(x->s, x->folder, r->uid, &body, &why);
    m.body = buf_str(&body);
    if (rc == 0) return x->each(x->arg, &m, err);
    if (x->s->damaged == NULL || (rc != ERR_CORRUPT && rc != ERR_IO))
        return rc == ERR_NOTFOUND ? 0 : error_set(err, rc, "%s", why.text);
    x->s->damaged(x->s->damaged_arg, r->uid, &why);
    return 0;
}

/* One that was not in its page: it cannot be read, or is gone. */
static int give_alone(const struct each *x, uint32_t uid, struct error *err) {
    Store__MessageList req = request(x, x->fields);
    Store__UidRun run = STORE__UID_RUN__INIT, *runs[] = {&run};
    RPC_REPLY_AUTO reply = {0};
    struct message_record r;
    struct error why = {0};
    run.first = run.last = uid;
    req.uids = runs;
    req.n_uids = 1;
    int rc = list(x, &req, &reply, &why);
    struct str rest = reply.attach;
    if (rc == 0 && message_record_get(&rest, x->fields, &r) == 0) return give(x, &r, err);
    if (rc != 0 && rc != ERR_CORRUPT && rc != ERR_IO) return error_set(err, rc, "%s", why.text);
    BUF_AUTO body = BUF_INIT(MAIL_BODY_MAX);
    rc = mail_read(x->s, x->folder, uid, &body, &why);
    if (rc == ERR_NOTFOUND) return 0;
    if (x->s->damaged == NULL) return error_set(err, ERR_CORRUPT, "message UID %u cannot be read", uid);
    x->s->damaged(x->s->damaged_arg, uid, &why);
    return 0;
}

static int give_missing(struct each *x, uint64_t before, struct error *err) {
    int rc = 0;
    for (; rc == 0 && x->next < x->count && x->uids[x->next] < before; x->next++)
        rc = give_alone(x, x->uids[x->next], err);
    return rc;
}

static int give_page(struct each *x, struct str records, struct error *err) {
    struct message_record r;
    int rc;
    while ((rc = message_record_get(&records, x->fields, &r)) == 0) {
        rc = give_missing(x, r.uid, err);
        if (rc == 0) rc = give(x, &r, err);
        if (rc != 0) return rc;
        if (x->next < x->count && x->uids[x->next] == r.uid) x->next++;
    }
    return rc == ERR_NOTFOUND ? 0 : error_set(err, rc, "the list of messages cannot be read");
}

static int page(struct each *x, uint32_t *after, bool *more, struct error *err) {
    Store__MessageList req = request(x, x->fields);
    RPC_REPLY_AUTO reply = {0};
    req.after_uid = *after;
    int rc = list(x, &req, &reply, err);
    if (x->count > 0 && (rc == ERR_CORRUPT || rc == ERR_IO)) { /* one by one over what is bad */
        size_t end = x->next + SKIP < x->count ? x->next + SKIP : x->count;
        *more = end < x->count;
        *after = x->next < end ? x->uids[end - 1] : *after;
        return give_missing(x, (uint64_t)*after + 1, err);
    }
    if (rc != 0) return rc;
    const Store__MessageListed *l = (const Store__MessageListed *)reply.msg;
    rc = give_page(x, reply.attach, err);
    if (rc == 0) rc = give_missing(x, (uint64_t)l->last_uid + 1, err);
    *more = l->more && l->last_uid > *after;
    *after = l->last_uid;
    return rc;
}

/* What the store has in memory of the folder. */
static int read_uids(struct each *x, struct error *err) {
    Store__MessageList req = request(x, 0);
    for (bool more = true; more;) {
        RPC_REPLY_AUTO reply = {0};
        struct message_record r;
        int rc = list(x, &req, &reply, err);
        if (rc != 0) return rc;
        const Store__MessageListed *l = (const Store__MessageListed *)reply.msg;
        uint32_t *all = realloc(x->uids, (x->count + l->count + 1) * sizeof *all);
        if (all == NULL) return ERR_NOMEM;
        x->uids = all;
        struct str rest = reply.attach;
        for (uint32_t i = 0; i < l->count && message_record_get(&rest, 0, &r) == 0; i++) all[x->count++] = r.uid;
        more = l->more && l->last_uid > req.after_uid;
        req.after_uid = l->last_uid;
    }
    return 0;
}

int mail_each(const struct mail_session *s, uint64_t folder, enum mail_wanted wanted,
              int (*each)(void *arg, const struct mail_message *m, struct error *err), void *arg, struct error *err) {
    static const unsigned more_fields[] = {
        [MAIL_SIZES] = 0, [MAIL_BODIES] = FIELD_BODY, [MAIL_SUMMARIES] = FIELD_ENVELOPE};
    struct each x = {
        .s = s, .folder = folder, .fields = FIELD_DATES | FIELD_SIZE | more_fields[wanted], .each = each, .arg = arg};
    uint32_t after = 0;
    int rc = wanted == MAIL_BODIES ? read_uids(&x, err) : 0;
    for (bool more = true; rc == 0 && more;) rc = page(&x, &after, &more, err);
    if (rc == 0) rc = give_missing(&x, UINT64_MAX, err);
    free(x.uids);
    return rc;
}

/* EXPUNGE and UID EXPUNGE (RFC 9051 sections 6.4.3 and 6.4.9, RFC 4315). */
#include "imapd/command.h"
#include "imapd/limit.h"
#include "imapd/long_call.h"
#include "imapd/pages.h"
#include "imapd/sync.h"
#include "imapd/uid_runs.h"
#include "imapd/view.h"
#include "store/mailbox/record.h"
#include "store/mailbox/rights.h"

#include <stdio.h>

enum { CODE_MAX = 64 };

static int expunge(struct cmd *c, const struct imap_runs *uids, const struct limit *l) {
    struct session *s = c->s;
    struct uid_runs runs;
    struct imap_runs vanished = {0};
    struct error err = {0};
    Store__MessageExpunge req = STORE__MESSAGE_EXPUNGE__INIT;
    RPC_REPLY_AUTO reply = {0};
    char code[CODE_MAX];
    if (uid_runs_make(uids, 0, uids->count, c->args->arena, &runs) != 0) return cmd_fail(c, ERR_NOMEM, NULL);
    req.folder = s->view->folder;
    req.uids = runs.run;
    req.n_uids = runs.count;
    req.only_deleted = true;
    int rc = session_call_long(s, STORE_MESSAGE_EXPUNGE, &req, imap_runs_total(uids), &reply, &err);
    if (rc != 0) return cmd_fail(c, rc, &err);
    const Store__MessageExpunged *done = (const Store__MessageExpunged *)reply.msg;
    if (uid_runs_read(done->vanished, done->n_vanished, &vanished) == 0) sync_expunged(s, &vanished);
    imap_runs_done(&vanished);
    uint64_t known = sync_own_change(s, done->modseq, done->n_vanished > 0);
    (void)snprintf(code, sizeof code, "HIGHESTMODSEQ %llu", (unsigned long long)known);
    if (l->code[0] != '\0') {
        if (s->qresync && done->modseq > 0) session_printf(s, "* OK [%s] Expunged\r\n", code);
        return limit_done(c, l);
    }
    return cmd_ok(c, s->qresync && done->modseq > 0 ? code : NULL,
                  c->uid ? "UID EXPUNGE completed" : "EXPUNGE completed");
}

/* UID EXPUNGE: the limit is one of messages that are \Deleted (RFC 9738 section 3.1). */
static int keep_within_limit(struct session *s, struct imap_runs *uids, struct limit *limit) {
    struct imap_runs deleted = {0};
    if (!limit_exceeded(s, uids)) return 0;
    int err = pages_flagged(s, s->view->folder, uids, MAILBOX_DELETED, &deleted);
    imap_runs_done(uids);
    *uids = deleted;
    return err == 0 ? limit_apply(s, uids, limit) : err;
}

int cmd_expunge(struct cmd *c) {
    struct imap_set set;
    struct imap_runs uids = {0};
    if (c->uid && (!imap_args_space(c->args) || !imap_args_set(c->args, &set))) return cmd_bad_args(c);
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    if (c->s->view->read_only) return cmd_no(c, "CANNOT", "The mailbox is selected read-only");
    if ((c->s->view->rights & RIGHT_EXPUNGE) == 0) return cmd_no(c, "NOPERM", "The right \"e\" is missing here");
    struct limit limit = {.code = ""};
    int err = c->uid ? view_resolve(c->s->view, &set, true, &uids) : imap_runs_copy(&c->s->view->uids, &uids);
    if (err == 0 && c->uid) err = keep_within_limit(c->s, &uids, &limit);
    if (err != 0)
        err = cmd_fail(c, err, NULL);
    else
        err = uids.count == 0 ? cmd_done(c) : expunge(c, &uids, &limit);
    imap_runs_done(&uids);
    return err;
}

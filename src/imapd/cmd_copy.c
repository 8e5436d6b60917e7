/* COPY and MOVE (RFC 9051 sections 6.4.7 and 6.4.8, RFC 4315, RFC 6851). */
#include "imapd/command.h"
#include "imapd/limit.h"
#include "imapd/long_call.h"
#include "imapd/sync.h"
#include "imapd/uid_runs.h"

#include <stdio.h>

enum { CODE_BYTES = 4 * 1024 * 1024, MODSEQ_CODE = 48 };

/* [COPYUID validity from to] */
static int write_code(const Store__MessageCopied *done, struct imap_runs *from, struct imap_runs *to,
                      struct buf *code) {
    int err = uid_runs_read(done->from, done->n_from, from);
    if (err == 0) err = uid_runs_read(done->to, done->n_to, to);
    buf_printf(code, "COPYUID %u ", done->uidvalidity);
    imap_runs_write(from, code);
    buf_addc(code, ' ');
    imap_runs_write(to, code);
    return err != 0 ? err : code->error;
}

static int reply_moved(struct cmd *c, const Store__MessageCopied *done, const struct imap_runs *from, bool same,
                       const char *code, const struct limit *l) {
    struct session *s = c->s;
    if (code != NULL) {
        session_put(s, STR("* OK ["));
        session_put(s, str_from(code));
        session_put(s, STR("] Moved\r\n"));
    }
    sync_expunged(s, from);
    if (same) (void)sync_view(s, SYNC_ASK);
    char told[MODSEQ_CODE];
    uint64_t known = sync_own_change(s, done->modseq, true);
    (void)snprintf(told, sizeof told, "HIGHESTMODSEQ %llu", (unsigned long long)known);
    if (!s->qresync) return limit_done(c, l);
    if (l->code[0] == '\0') return cmd_ok(c, told, "MOVE completed"); /* RFC 6851 section 4.4 */
    session_printf(s, "* OK [%s] Moved\r\n", told);
    return limit_done(c, l);
}

static int copy(struct cmd *c, const struct imap_runs *uids, struct str to_name, bool move, const struct limit *l) {
    struct uid_runs runs;
    struct imap_runs from = {0}, to = {0};
    struct error err = {0};
    Store__MessageCopy req = STORE__MESSAGE_COPY__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (uids->count == 0) return cmd_ok(c, NULL, "No messages");
    req.to = arena_cstr(c->args->arena, to_name);
    if (req.to == NULL || uid_runs_make(uids, 0, uids->count, c->args->arena, &runs) != 0)
        return cmd_fail(c, ERR_NOMEM, NULL);
    req.folder = c->s->view->folder;
    req.uids = runs.run;
    req.n_uids = runs.count;
    req.move = move;
    int rc = session_call_long(c->s, STORE_MESSAGE_COPY, &req, imap_runs_total(uids), &reply, &err);
    if (rc == ERR_NOTFOUND) return cmd_no(c, "TRYCREATE", "No such mailbox");
    if (rc != 0) return cmd_fail(c, rc, &err);
    const Store__MessageCopied *done = (const Store__MessageCopied *)reply.msg;
    if (done->n_from == 0) return cmd_no(c, "EXPUNGEISSUED", "The messages no longer exist");
    bool same = str_eq(to_name, str_from(c->s->view->name));
    if (same && !move) (void)sync_view(c->s, SYNC_ASK);
    BUF_AUTO code = BUF_INIT(CODE_BYTES);
    rc = write_code(done, &from, &to, &code);
    const char *told = done->uidvalidity == 0 ? NULL : buf_cstr(&code); /* RFC 9051 section 6.4.7: may not read there */
    if (rc != 0)
        rc = cmd_ok(c, NULL, "Done; there are too many numbers to list");
    else
        rc = move ? reply_moved(c, done, &from, same, told, l) : cmd_ok(c, told, "COPY completed");
    imap_runs_done(&from);
    imap_runs_done(&to);
    return rc;
}

static int run_copy(struct cmd *c, bool move) {
    struct imap_set set;
    struct str to;
    struct imap_runs uids = {0};
    struct imap_args *a = c->args;
    if (!imap_args_space(a) || !imap_args_set(a, &set) || !imap_args_space(a) || !imap_args_mailbox(a, &to) ||
        !imap_args_end(a))
        return cmd_bad_args(c);
    if (move && c->s->view->read_only) return cmd_no(c, "CANNOT", "The mailbox is selected read-only");
    struct limit limit = {.code = ""};
    int err = view_resolve(c->s->view, &set, c->uid, &uids);
    if (err == 0 && move) err = limit_apply(c->s, &uids, &limit);
    if (err == ERR_INVALID)
        err = cmd_bad(c, "No message has such a number");
    else if (err == 0 && !move && !limit_allows(c->s, imap_runs_total(&uids), &limit))
        err = cmd_no(c, limit.code, "Too many messages to copy at once");
    else
        err = err != 0 ? cmd_fail(c, err, NULL) : copy(c, &uids, to, move, &limit);
    imap_runs_done(&uids);
    return err;
}

int cmd_copy(struct cmd *c) {
    return run_copy(c, false);
}

int cmd_move(struct cmd *c) {
    return run_copy(c, true);
}

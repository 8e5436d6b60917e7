/* CLOSE and UNSELECT (RFC 9051 sections 6.4.1 and 6.4.2). */
#include "imapd/command.h"
#include "imapd/long_call.h"
#include "imapd/view.h"
#include "store/mailbox/rights.h"

/* Removes what is marked \Deleted without telling which, and without HIGHESTMODSEQ, which would make the client believe
 * that it knows (RFC 7162 section 3.2.8). */
static int expunge_silently(struct session *s) {
    Store__MessageExpunge req = STORE__MESSAGE_EXPUNGE__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.folder = s->view->folder;
    req.only_deleted = true;
    return session_call_long(s, STORE_MESSAGE_EXPUNGE, &req, imap_runs_total(&s->view->uids), &reply, NULL);
}

int cmd_close(struct cmd *c) {
    struct session *s = c->s;
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    bool may = !s->view->read_only && (s->view->rights & RIGHT_EXPUNGE) != 0; /* else it is just closed: RFC 4314, 4 */
    int rc = may ? expunge_silently(s) : 0;
    if (rc != 0 && rc != ERR_DENIED && rc != ERR_NOTFOUND) return cmd_fail(c, rc, NULL);
    session_deselect(s);
    return cmd_done(c);
}

int cmd_unselect(struct cmd *c) {
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    session_deselect(c->s);
    return cmd_done(c);
}

/* CLOSE and UNSELECT (RFC 9051 sections 6.4.1 and 6.4.2). */
#include "imapd/command.h"
#include "imapd/store_call.h"
#include "imapd/view.h"
#include "store/mailbox/rights.h"

#include <stdio.h>

enum { CODE_MAX = 64 };

/* Removes what is marked \Deleted without telling which. */
static int expunge_silently(struct session *s, uint64_t *modseq) {
    Store__MessageExpunge req = STORE__MESSAGE_EXPUNGE__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.folder = s->view->folder;
    req.only_deleted = true;
    int rc = session_call(s, STORE_MESSAGE_EXPUNGE, &req, STR_EMPTY, &reply, NULL);
    if (rc == 0) *modseq = ((const Store__MessageExpunged *)reply.msg)->modseq;
    return rc;
}

int cmd_close(struct cmd *c) {
    struct session *s = c->s;
    uint64_t modseq = 0;
    char code[CODE_MAX];
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    bool may = !s->view->read_only && (s->view->rights & RIGHT_EXPUNGE) != 0; /* else it is just closed: RFC 4314, 4 */
    int rc = may ? expunge_silently(s, &modseq) : 0;
    if (rc != 0 && rc != ERR_DENIED && rc != ERR_NOTFOUND) return cmd_fail(c, rc, NULL);
    session_deselect(s);
    (void)snprintf(code, sizeof code, "HIGHESTMODSEQ %llu", (unsigned long long)modseq);
    return cmd_ok(c, s->qresync && modseq > 0 ? code : NULL, "CLOSE completed");
}

int cmd_unselect(struct cmd *c) {
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    session_deselect(c->s);
    return cmd_done(c);
}

/* ENABLE (RFC 5161, RFC 9051 section 6.3.1). */
#include "imapd/command.h"
#include "imapd/notify.h"
#include "imapd/view.h"

/* Adds the name to what is enabled, and to what the client is told. `*condstore`, `*metadata`: MODSEQs, and changes of
 * annotations, are told from now on. */
static void enable(struct session *s, struct str name, bool *condstore, bool *metadata) {
    if (str_eq_nocase(name, STR("CONDSTORE"))) {
        *condstore = true;
        session_puts(s, " CONDSTORE");
    } else if (str_eq_nocase(name, STR("QRESYNC"))) { /* implies CONDSTORE (RFC 7162 section 3.2.3) */
        *condstore = s->qresync = true;
        session_puts(s, " QRESYNC");
    } else if (str_eq_nocase(name, STR("METADATA"))) { /* RFC 5464 section 4.1 */
        *metadata = true;
        session_puts(s, " METADATA");
    } else if (str_eq_nocase(name, STR("UIDONLY"))) { /* RFC 9586 */
        s->uidonly = true;
        session_puts(s, " UIDONLY");
    } else if (str_eq_nocase(name, STR("UTF8=ACCEPT"))) {
        s->utf8 = true;
        session_puts(s, " UTF8=ACCEPT");
    } else if (str_eq_nocase(name, STR("IMAP4rev2"))) {
        s->utf8 = s->rev2 = true;
        if (s->view != NULL) imap_runs_done(&s->view->recent); /* RFC 9051 knows no recent messages */
        session_puts(s, " IMAP4rev2");
    }
}

int cmd_enable(struct cmd *c) {
    struct imap_args check = *c->args;
    struct str name;
    unsigned count = 0;
    while (imap_args_space(&check) && imap_args_atom(&check, &name)) count++;
    if (count == 0 || !imap_args_end(&check)) return cmd_bad_args(c);
    bool condstore = false, metadata = false;
    session_puts(c->s, "* ENABLED");
    while (imap_args_space(c->args) && imap_args_atom(c->args, &name)) enable(c->s, name, &condstore, &metadata);
    session_puts(c->s, "\r\n");
    if (metadata) notify_imply(c->s);
    if (condstore) session_enable_condstore(c->s); /* tells HIGHESTMODSEQ of a selected mailbox */
    return cmd_done(c);
}

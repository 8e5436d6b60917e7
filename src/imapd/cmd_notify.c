/* NOTIFY (RFC 5465): which events the client wants to be told of, in which mailboxes. */
#include "imapd/command.h"
#include "imapd/notify.h"
#include "imapd/view.h"

#include <stdio.h>

enum { CODE_BYTES = 256 };

static int refuse(struct cmd *c, int err) {
    char code[CODE_BYTES];
    if (err == ERR_INVALID) return cmd_bad_args(c);
    if (err != ERR_UNSUPPORTED) return cmd_fail(c, err, NULL);
    (void)snprintf(code, sizeof code, "BADEVENT (%s)", imap_notify_events);
    return cmd_no(c, code, "There is no such event");
}

int cmd_notify(struct cmd *c) {
    struct session *s = c->s;
    struct notify *fresh, *old = s->notify;
    int err = notify_new(c->args->rest, c->args->utf8, &fresh);
    if (err != 0) return refuse(c, err);
    if (fresh->set.has_fetch && (fresh->set.fetch.items & IMAP_FETCH_MODSEQ) != 0) session_enable_condstore(s);
    s->notify = fresh;
    if (fresh->wide) err = notify_start(s);
    if (err != 0) { /* it is as it was */
        s->notify = old;
        notify_free(fresh);
        return cmd_fail(c, err, NULL);
    }
    if (old != NULL && old->wide && !fresh->wide) notify_unwatch(s);
    notify_free(old);
    return cmd_done(c);
}

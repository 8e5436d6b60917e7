/* VRFY: RFC 5321 sections 3.5.1, 3.5.3 and 7.3. Only who is logged in or may relay is told whether an address exists
 * (SMTPD-09). */
#include "smtpd/commands.h"
#include "smtpd/lookup.h"

static int answer(struct session *s, const struct smtp_command *c, const struct address *a, const Dir__Resolved *r) {
    const char *mailbox = r->canonical[0] != '\0' ? r->canonical : a->text;
    switch (r->kind) {
    case DIR__KIND__LOCAL:
        return lookup_may_say(c, mailbox) ? session_reply(s, 250, "2.1.5", "<%s>", mailbox) : lookup_unsayable(s);
    case DIR__KIND__UNKNOWN: return session_reply(s, 550, "5.1.1", "<%s> No such address here", a->text);
    case DIR__KIND__NO_RECEIVE: return session_reply(s, 550, "5.2.1", "<%s> Mailbox takes no mail", a->text);
    default: return session_reply(s, 252, "2.1.5", "<%s> Cannot verify, but will try to deliver", a->text);
    }
}

int cmd_vrfy(struct session *s, struct smtp_command *c) {
    if (s->d->set.disable_vrfy) return session_reply(s, 252, "2.5.0", "VRFY is disabled; send the mail and see");
    struct address a;
    int rc = lookup_argument(s, c, &a);
    if (rc != 0) return rc < 0 ? rc : 0;
    if (!session_is_known(s))
        return session_reply(s, 252, "2.5.0", "<%s> Cannot verify, but will try to deliver", a.text);
    RPC_REPLY_AUTO reply = {0};
    if (lookup_address(s, &a, &reply) < 0)
        return session_reply(s, 451, "4.3.0", "Directory is not available, try again later");
    return answer(s, c, &a, (const Dir__Resolved *)reply.msg);
}

/* EXPN: RFC 5321 sections 3.5.4 and 7.3. Members of lists are nobody's business (SMTPD-10). */
#include "smtpd/commands.h"

int cmd_expn(struct session *s, struct smtp_command *c) {
    (void)c;
    if (s->d->set.disable_expn) return session_reply(s, 550, "5.7.1", "EXPN is disabled");
    return session_reply(s, 252, "2.5.0", "Cannot expand, but will try to deliver");
}

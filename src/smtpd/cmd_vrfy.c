/* VRFY: RFC 5321 sections 3.5.3 and 7.3. Never tells whether an address exists (SMTPD-09). */
#include "smtpd/commands.h"

int cmd_vrfy(struct session *s, struct smtp_command *c) {
    (void)c;
    if (s->d->set.disable_vrfy) return session_reply(s, 252, "2.5.1", "VRFY is disabled; send the mail and see");
    struct address a;
    struct error err = {0};
    unsigned flags = ADDRESS_UNQUALIFIED | ADDRESS_UTF8;
    if (address_parse_lenient(c->argument, flags, &a, &err) < 0)
        return session_error(s, 501, "5.1.3", "Bad address: %s", err.text);
    return session_reply(s, 252, "2.5.0", "<%s> Cannot verify, but will try to deliver", a.text);
}

/* QUIT: RFC 5321 section 4.1.1.10. */
#include "smtpd/commands.h"

int cmd_quit(struct session *s, struct smtp_command *c) {
    (void)c;
    int rc = session_reply(s, 221, "2.0.0", "%s Good bye", s->d->hostname);
    return rc < 0 ? rc : ERR_CLOSED;
}

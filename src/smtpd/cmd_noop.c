/* NOOP: RFC 5321 section 4.1.1.9. */
#include "smtpd/commands.h"

int cmd_noop(struct session *s, struct smtp_command *c) {
    (void)c;
    return session_reply(s, 250, "2.0.0", "OK");
}

/* RSET: RFC 5321 section 4.1.1.5. */
#include "smtpd/commands.h"
#include "smtpd/refusals.h"

int cmd_rset(struct session *s, struct smtp_command *c) {
    (void)c;
    refusals_tell(s);
    return session_reply(s, 250, "2.0.0", "OK");
}

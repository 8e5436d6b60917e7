/* The commands: one file each, registered in the table of command.c, which is the only dispatch. */
#ifndef IEMS_SMTPD_COMMANDS_H
#define IEMS_SMTPD_COMMANDS_H

#include "smtpd/session.h"

enum command_where { ON_SMTP = 1, ON_LMTP = 2, ON_TURNED = 4, ON_ALL = 7 };

enum command_flags {
    NEEDS_HELLO = 1,    /* after HELO, EHLO or LHLO */
    MAKES_PROGRESS = 2, /* does not count as idle */
    REFUSES_ITSELF = 4, /* has an answer of its own when it is switched off; others get 502 */
    ANSWERED_NOW = 8,   /* the answer is not kept for those of the commands behind it (RFC 2920 section 3.2) */
};

struct command {
    enum smtp_verb verb;
    unsigned where, flags;
    int (*run)(struct session *s, struct smtp_command *c);
    bool (*is_on)(const struct session *s); /* NULL: always */
};

/* NULL: not implemented for this service. */
const struct command *command_find(enum smtp_verb verb, const struct service *service);
bool command_is_on(const struct command *c, const struct session *s);
/* Names of the commands that are there and switched on for this session, separated by blanks. */
void command_names(const struct session *s, struct buf *out);

int cmd_hello(struct session *s, struct smtp_command *c);
int cmd_mail(struct session *s, struct smtp_command *c);
int cmd_rcpt(struct session *s, struct smtp_command *c);
int cmd_data(struct session *s, struct smtp_command *c);
int cmd_bdat(struct session *s, struct smtp_command *c);
int cmd_rset(struct session *s, struct smtp_command *c);
int cmd_noop(struct session *s, struct smtp_command *c);
int cmd_quit(struct session *s, struct smtp_command *c);
int cmd_vrfy(struct session *s, struct smtp_command *c);
int cmd_expn(struct session *s, struct smtp_command *c);
int cmd_help(struct session *s, struct smtp_command *c);
int cmd_starttls(struct session *s, struct smtp_command *c);
int cmd_auth(struct session *s, struct smtp_command *c);
int cmd_atrn(struct session *s, struct smtp_command *c);
int cmd_burl(struct session *s, struct smtp_command *c);
int cmd_etrn(struct session *s, struct smtp_command *c);
int cmd_xclient(struct session *s, struct smtp_command *c);

#endif

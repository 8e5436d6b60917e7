/* What VRFY and EXPN have in common: the address in the argument, and what the directory says of it. */
#ifndef IEMS_SMTPD_LOOKUP_H
#define IEMS_SMTPD_LOOKUP_H

#include "smtpd/session.h"

/* 0 and the address with its domain; 1 when the peer was told that it is wrong; below 0 the connection is to end. */
NODISCARD int lookup_argument(struct session *s, const struct smtp_command *c, struct address *out);
/* `reply` gets a Dir__Resolved. Logs a failure. */
NODISCARD int lookup_address(struct session *s, const struct address *a, struct rpc_reply *reply);

#endif

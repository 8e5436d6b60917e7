/* What VRFY and EXPN have in common: the address in the argument, and what the directory says of it. */
#ifndef IEMS_SMTPD_LOOKUP_H
#define IEMS_SMTPD_LOOKUP_H

#include "smtpd/session.h"

/* 0 and the address with its domain; 1 when the peer was told that it is wrong; below 0 the connection is to end. */
NODISCARD int lookup_argument(struct session *s, const struct smtp_command *c, struct address *out);
/* Whether the reply may name this address: it is ASCII, or the command said SMTPUTF8 (RFC 6531 section 3.7.4.2). */
bool lookup_may_say(const struct smtp_command *c, const char *address);
/* The reply when it may not. */
NODISCARD int lookup_unsayable(struct session *s);
/* `reply` gets a Dir__Resolved. Logs a failure. */
NODISCARD int lookup_address(struct session *s, const struct address *a, struct rpc_reply *reply);

#endif

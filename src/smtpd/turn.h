/* Connections that are turned round (ATRN, RFC 2645), over a socket pair to smtpc. As a provider: smtpc speaks to the
 * client as to any other server; smtpd, which has the TLS of the connection, carries the bytes. As a customer: smtpc
 * has called the provider and carries the bytes; smtpd is the server, as on the SMTP port, but knows nobody. */
#ifndef IEMS_SMTPD_TURN_H
#define IEMS_SMTPD_TURN_H

#include "smtpd/session.h"

enum { TURN_LINE_MAX = 8 * 1024 };

/* Asks smtpc whether anything waits for these domains ("a.example b.example"). 0 and the connection to it;
 * ERR_NOTFOUND: nothing; others: it cannot be told. */
NODISCARD int turn_ask(struct session *s, const char *domains, struct stream **smtpc, struct error *err);
/* Carries until either side ends. Takes `smtpc` over. */
void turn_carry(struct session *s, struct stream *smtpc);
/* The session with the provider that smtpc has called. smtpc says "TURNED trace address" first, or ends; later, over
 * another connection, "COUNT trace", and gets the number of messages that came, when the session has ended. */
int turn_serve(struct smtpd *d, struct stream *smtpc);

#endif

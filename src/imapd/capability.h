/* What the server can do in the present state of a session (RFC 9051 section 6.1.1). */
#ifndef IEMS_IMAPD_CAPABILITY_H
#define IEMS_IMAPD_CAPABILITY_H

#include "imapd/session.h"

/* "IMAP4rev2 IMAP4rev1 ..." */
void capability_write(const struct session *s, struct buf *out);
/* Whether passwords may be sent over the connection as it is. */
bool capability_plaintext(const struct session *s);

#endif

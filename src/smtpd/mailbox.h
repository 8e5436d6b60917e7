/* A message, or a part of it, in a mailbox that the user who is logged in may read, with the ticket of the login. */
#ifndef IEMS_SMTPD_MAILBOX_H
#define IEMS_SMTPD_MAILBOX_H

#include "proto/imap/url_token.h"
#include "smtpd/session.h"

struct mailbox_message {
    const char *folders[2];     /* the names that it may have in the user's tree; NULL = none more */
    const struct imap_url *url; /* its token, if it has one, must be right (RFC 4467 section 8) */
};

/* Gives what the URL names to submit_take, piece by piece. ERR_NOTFOUND (also what the user may not read), ERR_DENIED
 * (the ticket is too old), ERR_CONFLICT (another UIDVALIDITY, a wrong token), or why the store cannot tell. */
NODISCARD int mailbox_read(struct session *s, const struct mailbox_message *m, struct error *err);

#endif

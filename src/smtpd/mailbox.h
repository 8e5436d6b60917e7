/* A message in a mailbox of the user who is logged in, read with the ticket of the login. */
#ifndef IEMS_SMTPD_MAILBOX_H
#define IEMS_SMTPD_MAILBOX_H

#include "proto/imap/url_token.h"
#include "smtpd/session.h"

struct mailbox_message {
    const char *folder;
    uint32_t uidvalidity, uid;  /* uidvalidity 0: whatever it is */
    const struct imap_url *url; /* its token, if it has one, must be right (RFC 4467 section 8) */
};

/* Gives the message to submit_take, piece by piece. ERR_NOTFOUND, ERR_DENIED (the ticket is too old), ERR_CONFLICT
 * (another UIDVALIDITY, a wrong token), or why the store cannot tell. */
NODISCARD int mailbox_read(struct session *s, const struct mailbox_message *m, struct error *err);

#endif

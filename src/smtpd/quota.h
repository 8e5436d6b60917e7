/* What a user who is logged in has sent today, asked of the store at MAIL, and what follows for the transaction: daily
 * limits (SMTPD-11, SMTPD-12) and the brake. */
#ifndef IEMS_SMTPD_QUOTA_H
#define IEMS_SMTPD_QUOTA_H

#include "smtpd/session.h"

/* At MAIL, before the transaction is open. Answers when it refuses. */
NODISCARD int quota_check(struct session *s, const struct smtp_command *c, bool *allowed);
NODISCARD int quota_check_recipient(struct session *s, bool *allowed);
/* At the end of the data: the size is known now. 0, or the code of the reply with its text. */
unsigned quota_check_size(struct session *s, uint64_t size, const char **enhanced, const char **text);
/* For the store, which looks once more when it counts: other sessions of the user may have sent meanwhile. False: there
 * are none. */
bool quota_limits(const struct session *s, Store__UsageLimits *out);
/* The store has refused by them: as quota_check_size, never 0. */
unsigned quota_exceeded(struct session *s, uint64_t size, const char **enhanced, const char **text);

#endif

/* Refused recipients of a transaction that came to nothing: their lines go to the trace, so that "iems trace" can tell
 * what became of a mail that never was accepted. */
#ifndef IEMS_SMTPD_REFUSALS_H
#define IEMS_SMTPD_REFUSALS_H

#include "smtpd/session.h"

/* Ends the transaction (transaction_reset); does not wait for the store. */
void refusals_tell(struct session *s);

#endif

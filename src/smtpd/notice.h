/* Messages that smtpd writes itself. */
#ifndef IEMS_SMTPD_NOTICE_H
#define IEMS_SMTPD_NOTICE_H

#include "smtpd/session.h"

/* To the user and the postmaster: the account sends less from now on, and why. Waits for the store; a failure is
 * logged. */
void notice_braked(struct session *s, const char *why);

#endif

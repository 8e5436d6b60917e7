/* What LOGIN and AUTHENTICATE have in common: from the outcome of the authentication to the reply. */
#ifndef IEMS_IMAPD_LOGIN_H
#define IEMS_IMAPD_LOGIN_H

#include "daemon/auth.h"
#include "imapd/session.h"

/* `rc` is what auth_login or auth_sasl returned. Writes the tagged reply. */
int login_finish(struct cmd *c, int rc, const struct auth_result *r, const char *mechanism);

#endif

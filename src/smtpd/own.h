/* Address literals of this host: "user@[192.0.2.1]" is the user of the default domain (RFC 5321 sections 4.1.3, 4.5.1).
 */
#ifndef IEMS_SMTPD_OWN_H
#define IEMS_SMTPD_OWN_H

#include "smtpd/session.h"

/* Puts the default domain in the place of a literal that is the address of this end of the connection or of a listener,
 * or one of smtpd.own_addresses; of others nothing is changed. ERR_LIMIT: the address gets too long by it. */
NODISCARD int own_literal_replace(const struct session *s, struct address *a);

#endif

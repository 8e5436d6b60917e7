/* What EHLO announces to this session, and which parameters are understood in it: both from the same rules. */
#ifndef IEMS_SMTPD_EXTENSIONS_H
#define IEMS_SMTPD_EXTENSIONS_H

#include "smtpd/session.h"

bool extensions_burl(const struct session *s);     /* BURL is offered */
bool extensions_etrn(const struct session *s);     /* ETRN is offered */
unsigned extensions_bits(const struct session *s); /* SMTP_EXT_ bits */
/* The lines of the reply to EHLO behind the first, each begun by LF. */
void extensions_announce(const struct session *s, struct buf *out);

#endif

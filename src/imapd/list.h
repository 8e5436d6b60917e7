/* LIST responses outside of LIST (RFC 9051 section 6.3.9.7 and 7.3.1). */
#ifndef IEMS_IMAPD_LIST_H
#define IEMS_IMAPD_LIST_H

#include "imapd/session.h"

/* '* LIST () "/" name', with ("OLDNAME" (old)) when the client knows it by another name. Names in UTF-8. */
void list_tell_name(struct session *s, struct str name, struct str old);

#endif

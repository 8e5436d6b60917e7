/* LIST responses outside of LIST (RFC 9051 section 6.3.9.7 and 7.3.1). */
#ifndef IEMS_IMAPD_LIST_H
#define IEMS_IMAPD_LIST_H

#include "imapd/session.h"
#include "rpc/store_methods.h"

/* One more name attribute behind "(" or others. */
void list_add_attribute(struct buf *b, const char *attribute);
/* What kind of mailbox it is: \Noselect also where the right "r" is missing (RFC 5819 section 2), children, use. */
void list_add_attributes(struct buf *b, const Store__Folder *f);
/* '* LIST (attributes) "/" name', with ("OLDNAME" (old)) when the client knows it by another name. Names in UTF-8. */
void list_tell_name(struct session *s, const char *attributes, struct str name, struct str old);

#endif

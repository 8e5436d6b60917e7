/* Rights on mailboxes in responses (RFC 4314). */
#ifndef IEMS_IMAPD_ACL_H
#define IEMS_IMAPD_ACL_H

#include "imapd/session.h"

/* "* MYRIGHTS mailbox rights" (RFC 4314 section 3.8, RFC 8440). */
void acl_tell_my_rights(struct session *s, struct str mailbox, uint32_t rights);

#endif

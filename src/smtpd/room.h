/* At RCPT: whether the mailbox of a recipient has room for the message (QUOTA-14), so that nothing is accepted that
 * would have to be sent back. The store's answer at delivery stays the truth. */
#ifndef IEMS_SMTPD_ROOM_H
#define IEMS_SMTPD_ROOM_H

#include "rpc/dir.pb-c.h"
#include "smtpd/session.h"

/* Order of the words of smtpd.over_quota. */
enum over_quota { OVER_QUOTA_OFF, OVER_QUOTA_TEMPORARY, OVER_QUOTA_PERMANENT };
enum { ROOM_TEXT_MAX = 200 };

struct room_verdict {
    unsigned code; /* 0 = may go on */
    const char *enhanced;
    char text[ROOM_TEXT_MAX];
};

/* Asks the store where it is worth it: one recipient that is one mailbox with a quota. Without an answer there is room.
 */
void room_check(struct session *s, const Dir__Resolved *to, struct room_verdict *out);

#endif

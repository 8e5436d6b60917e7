/* Tells the client what has happened to the selected mailbox: untagged EXISTS, FETCH, EXPUNGE or VANISHED. */
#ifndef IEMS_IMAPD_SYNC_H
#define IEMS_IMAPD_SYNC_H

#include "imapd/view.h"

enum {
    SYNC_EXPUNGE = 1, /* expunges may be told */
    SYNC_ASK = 2,     /* ask the store even if it has not told of a change (NOOP, IDLE) */
};
/* A failure of the store leaves the client's view as far as it got; what is missing is told the next time. */
int sync_view(struct session *s, unsigned how);

/* The client has expunged or moved these by itself: tells it, as far as it knew them. */
void sync_expunged(struct session *s, const struct imap_runs *vanished);
/* "* VANISHED (EARLIER)": what has gone of `asked` (NULL: of all). Not what still has a number in this session, whose
 * end is told as that of any other (RFC 7162 section 3.2.10). */
NODISCARD int sync_tell_earlier(struct session *s, const Store__FolderChangesReply *page,
                                const struct imap_runs *asked);
/* After a command of the client that ended at this MODSEQ, and was told: also what others have changed up to there is.
 * Returns HIGHESTMODSEQ as the client may believe it (RFC 7162 section 3.2.7); changed: it was the client that did it.
 */
uint64_t sync_own_change(struct session *s, uint64_t modseq, bool changed);
/* At the end of a command: while expunges may not be told, a client must not think that it knows all up to the MODSEQs
 * that it sees; nor go on to think so afterwards (RFC 7162 sections 3.2 and 5). */
void sync_tell_held(struct session *s);
/* "* FLAGS (...)" and PERMANENTFLAGS. */
void sync_tell_flags(struct session *s);
/* Asks for the mailbox's name, and for keywords that another session has made since the client was last told, which it
 * is told then. Not in the middle of a response. ERR_NOTFOUND: the mailbox is gone. */
int sync_learn_folder(struct session *s);
/* "* 5 FETCH (UID 7 FLAGS (\\Seen) MODSEQ (9))"; nothing for a message that the client does not know. */
void sync_tell_message(struct session *s, uint32_t uid, uint64_t flags, uint64_t modseq);

#endif

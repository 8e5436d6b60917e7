/* Object identifiers (RFC 8474): of a mailbox its number, of a message its body and prefix, of a thread the msg-id that
 * it began with. All are the same for ever without being stored. */
#ifndef IEMS_IMAPD_OBJECTID_H
#define IEMS_IMAPD_OBJECTID_H

#include "imapd/content.h"

enum { OBJECTID_SIZE = 64 };

void objectid_mailbox(uint64_t folder, char out[static OBJECTID_SIZE]);
/* The record has FIELD_ID. */
void objectid_email(const struct message_record *r, char out[static OBJECTID_SIZE]);
/* With FIELD_ID, FIELD_SIZE and a summary, thin or not. Fails only when the header has to be read and cannot be. */
NODISCARD int objectid_thread(struct content *c, char out[static OBJECTID_SIZE]);

/* References of a message: from the summary, or, where that does not know them, from the header in `hold`. */
NODISCARD int content_references(struct content *c, struct buf *hold, struct str *out);

#endif

/* Reads an ENVELOPE (RFC 9051 section 7.5.2) as a summary holds it, for what sorts and threads by it. */
#ifndef IEMS_PROTO_IMAP_ENVELOPE_H
#define IEMS_PROTO_IMAP_ENVELOPE_H

#include "proto/imap/args.h"

/* The first address of a list, or the name of the group that it begins with; empty where there is none. Encoded-words
 * are left as they are. */
struct imap_address {
    struct str name, mailbox, host;
};

struct imap_envelope {
    struct str date, subject, in_reply_to, message_id; /* empty for NIL */
    struct imap_address from, sender, reply_to, to, cc, bcc;
};

/* Views point into the input or the arena. ERR_INVALID. */
NODISCARD int imap_envelope_parse(struct str text, struct arena *arena, struct imap_envelope *out);

#endif

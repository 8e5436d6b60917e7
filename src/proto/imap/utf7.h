/* Mailbox names: modified UTF-7 (RFC 3501 section 5.1.3) and UTF-8 (RFC 9051 section 5.1). */
#ifndef IEMS_PROTO_IMAP_UTF7_H
#define IEMS_PROTO_IMAP_UTF7_H

#include "base/arena.h"
#include "base/buf.h"

/* Strict: no octet outside printable ASCII, no shift that was not needed, well-formed surrogates, zero padding bits.
 * ERR_INVALID leaves `out` as it was. */
NODISCARD int imap_utf7_decode(struct str in, struct buf *out);
/* `in` is well-formed UTF-8, else ERR_INVALID. */
NODISCARD int imap_utf7_encode(struct str in, struct buf *out);

/* A name from the client as UTF-8: from modified UTF-7, or checked UTF-8 when `utf8`. Control characters, and lengths
 * above IMAP_MAILBOX_MAX, are ERR_INVALID. A name that is no modified UTF-7 but well-formed UTF-8 is taken as that, as
 * clients that do not know the encoding mean it. */
NODISCARD int imap_mailbox_decode(struct str name, bool utf8, struct arena *arena, struct str *out);

/* LIST pattern match (RFC 9051 section 6.3.9): "*" any characters, "%" any but the delimiter "/". INBOX has no case.
 * Linear in practice and bounded: never more than pattern length x name length steps. */
bool imap_list_match(struct str pattern, struct str name);

#endif

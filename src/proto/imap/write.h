/* Writes pieces of responses (RFC 9051 section 4). */
#ifndef IEMS_PROTO_IMAP_WRITE_H
#define IEMS_PROTO_IMAP_WRITE_H

#include "base/buf.h"

/* A string as quoted if it can be, else as a literal. UTF-8 is quoted only if `utf8`. */
void imap_write_string(struct buf *out, struct str s, bool utf8);
/* As an atom if it is one, else as imap_write_string. */
void imap_write_astring(struct buf *out, struct str s, bool utf8);
/* A mailbox name from UTF-8: in modified UTF-7 unless `utf8`. */
void imap_write_mailbox(struct buf *out, struct str name, bool utf8);
/* "(\Seen $Label)"; keyword i is bit 8 + i. */
void imap_write_flags(struct buf *out, uint64_t flags, const struct str *keyword, size_t keywords);
/* Decimal digits at `p`; returns behind them. At most 20. */
char *imap_put_number(char *p, uint64_t n);

#endif

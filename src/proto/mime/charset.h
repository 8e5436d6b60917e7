/* Charsets to UTF-8. US-ASCII, UTF-8 and ISO-8859-1 are built in; others by iconv, whose tables are files: a jailed
 * process calls charset_prepare before its jail closes and can then use what was prepared. */
#ifndef IEMS_PROTO_MIME_CHARSET_H
#define IEMS_PROTO_MIME_CHARSET_H

#include "base/buf.h"

/* Loads the tables of the charsets that mail uses. */
void charset_prepare(void);

struct charset; /* a conversion; not owned by the caller, lives as long as the process */
/* NULL when the charset is not known. Names are matched without case. */
struct charset *charset_find(struct str name);
/* Converts as much of `in` as is complete and returns how many bytes were used; what is malformed gives U+FFFD.
 * With `last` everything is used. Conversions with shift states (ISO-2022-JP) begin anew with `first`. */
size_t charset_decode(struct charset *c, struct str in, bool first, bool last, struct buf *out);

#endif

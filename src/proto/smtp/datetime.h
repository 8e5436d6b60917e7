/* Date and time of RFC 3339 section 5.6, as FUTURERELEASE (RFC 4865) has them: in UTC, "2026-11-21T07:24:00Z",
 * "2026-11-21T07:24:00.5+00:00". */
#ifndef IEMS_PROTO_SMTP_DATETIME_H
#define IEMS_PROTO_SMTP_DATETIME_H

#include "base/buf.h"

/* Seconds since 1970; fractions are rounded up, since nothing may be released before its time. ERR_INVALID. */
NODISCARD int smtp_datetime_parse(struct str s, int64_t *out);
/* "2026-11-21T07:24:00Z" */
void smtp_datetime_format(struct buf *out, int64_t at);

#endif

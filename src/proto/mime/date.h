/* Dates of header fields (RFC 5322 section 3.3, obsolete forms of section 4.3). */
#ifndef IEMS_PROTO_MIME_DATE_H
#define IEMS_PROTO_MIME_DATE_H

#include "base/str.h"

struct mail_date {
    int64_t time;     /* seconds since 1970-01-01 UTC */
    int zone_minutes; /* east of UTC as written; unknown zones count as 0 */
};
/* Day name and seconds are optional, years of two or three digits and named zones are understood, comments skipped. */
NODISCARD int mail_date_parse(struct str value, struct mail_date *out);

#endif

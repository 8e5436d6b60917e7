/* Inside of proto_mime: one fast pass over body bytes. */
#ifndef IEMS_PROTO_MIME_SCAN_H
#define IEMS_PROTO_MIME_SCAN_H

#include "base/str.h"

struct scan {
    uint64_t lf;   /* added: line ends */
    uint64_t bare; /* added: LF without CR before it */
    bool high;     /* set: an octet above 0x7f */
    bool nul;      /* set: a NUL octet */
};
/* Looks at `s` (`before` is the octet that stood before it) and returns how many octets were taken: all, or with `stop`
 * up to and with the first LF behind which a "-" stands. */
size_t scan_body(struct str s, char before, bool stop, struct scan *r);

#endif

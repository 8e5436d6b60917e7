/* Where a section of a message is, by the part table of its summary (RFC 9051 section 6.4.5, RFC 5092). */
#ifndef IEMS_PROTO_IMAP_SECTION_H
#define IEMS_PROTO_IMAP_SECTION_H

#include "proto/imap/fetch_parse.h"
#include "proto/mime/summary.h"

/* Bytes of a message with its delivery prefix. */
struct span {
    uint64_t offset, length;
};

/* `prefix`: length of what stands before the message that the summary is of; `size`: of both. Header fields (FIELDS)
 * are no span: for these it is the whole header. ERR_NOTFOUND: no such part. ERR_CORRUPT. */
NODISCARD int imap_section_locate(const struct summary *s, uint64_t prefix, uint64_t size,
                                  const struct imap_fetch_body *b, struct span *out);
/* The piece of it that a partial means. */
struct span imap_section_cut(const struct imap_fetch_body *b, struct span at);

#endif

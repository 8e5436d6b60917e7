/* Writes FETCH responses (RFC 9051 section 7.5.2). */
#ifndef IEMS_IMAPD_FETCH_H
#define IEMS_IMAPD_FETCH_H

#include "imapd/content.h"
#include "proto/imap/fetch_parse.h"

/* FIELD_ bits that the items need. `many`: whole messages are better had in bulk than one by one. */
unsigned fetch_fields(const struct imap_fetch *f, bool many);
/* The whole response line of a message that the client knows at `position`. `flags`: as they are to be told. */
NODISCARD int fetch_write(struct session *s, const struct imap_fetch *f, struct content *c, uint32_t position,
                          uint64_t flags, uint64_t modseq);
/* A response for each of the messages, for what no FETCH command asked for. The first failure. */
NODISCARD int fetch_tell(struct session *s, const struct imap_fetch *f, const struct imap_runs *uids);
/* " BODY[...] literal"; the first item has no blank before it. ERR_UNSUPPORTED: transfer encoding not known (BINARY).
 */
NODISCARD int fetch_write_body(struct session *s, const struct imap_fetch_body *b, struct content *c);
/* Where a section is. ERR_NOTFOUND: no such part. */
NODISCARD int fetch_locate(const struct content *c, const struct imap_fetch_body *b, struct span *out);
/* `label`, a blank, and the span as a literal; NIL if it cannot be read any more. */
NODISCARD int fetch_write_span(struct session *s, struct str label, struct content *c, struct span at);
NODISCARD int fetch_write_binary(struct session *s, const struct imap_fetch_body *b, struct content *c);
NODISCARD int fetch_write_fields(struct session *s, const struct imap_fetch_body *b, struct content *c);

#endif

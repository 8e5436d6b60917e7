/* Tags of a queue entry (MTA Pass-Through attributes) as header fields, for peers that keep them (PEER-15). */
#ifndef IEMS_CHANNEL_TAGS_H
#define IEMS_CHANNEL_TAGS_H

#include "base/buf.h"
#include "rpc/store_methods.h"

/* Value of a tag; empty when there is none. */
struct str tags_get(const Store__Entry *e, const char *name);
/* Appends one field a tag (proto/mime/tags.h); nothing when there are none. */
void tags_header(const Store__Entry *e, struct buf *out);

#endif

/* The signature of one body: its text as searches see it, taken in. Untrusted bytes are parsed here. */
#ifndef IEMS_INDEX_MAKE_H
#define IEMS_INDEX_MAKE_H

#include "proto/mime/search_text.h"
#include "store/search/signature.h"

/* Appends the signature. `summary` may be empty or damaged: it is then made from the body. What cannot be told gets
 * SIGNATURE_ALWAYS; only a failure to read is returned (ERR_NOTFOUND: the body is gone). */
NODISCARD int index_make(struct signature_builder *b, struct str summary, const struct search_source *source,
                         struct buf *out);

#endif

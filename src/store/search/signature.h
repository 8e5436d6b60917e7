/* The signature of a body: which trigrams (three bytes in a row) the text that searches see (proto/mime/search_text.h)
 * may hold, as a Bloom filter whose size follows the number of different ones. A needle whose trigrams are not all in
 * it does not occur; any other must be looked for in the text. docs/design/search.md has the figures.
 *
 * Trigrams that nearly every message holds say nothing: they are left out, of signatures and queries.
 * Byte 0: version. Byte 1: SIGNATURE_ALWAYS or 0. Then the filter. */
#ifndef IEMS_STORE_SEARCH_SIGNATURE_H
#define IEMS_STORE_SEARCH_SIGNATURE_H

#include "base/buf.h"

enum {
    SIGNATURE_VERSION = 1,
    SIGNATURE_TRIGRAMS_MAX = 256 * 1024, /* of a body; with more it gets SIGNATURE_ALWAYS */
    SIGNATURE_MAX = SIGNATURE_TRIGRAMS_MAX * 5 / 8 + 64,
    SIGNATURE_ALWAYS = 1, /* says nothing: the text must be read */
    SIGNATURE_NEEDLE_MIN = 3,
    SIGNATURE_PROBES_MAX = 64, /* trigrams of a needle that are used */
};

/* --- making */
struct signature_builder;
struct signature_builder *signature_builder_new(void);
void signature_builder_free(struct signature_builder *b); /* NULL is fine */
/* Text that goes on behind what came before, or begins a unit. */
void signature_add(struct signature_builder *b, struct str text, bool begins);
/* Appends the signature of all that was added, or SIGNATURE_ALWAYS; the builder is empty then. */
void signature_finish(struct signature_builder *b, bool always, struct buf *out);

/* --- asking */
struct signature_query {
    uint32_t hash[SIGNATURE_PROBES_MAX];
    uint32_t trigram[SIGNATURE_PROBES_MAX];
    size_t count; /* 0: nothing can be told */
};
/* Of a folded needle. Not thread-safe the first time. */
void signature_query_make(struct str needle, struct signature_query *out);
/* False: the needle is not in the text. `extra` (may be empty): more text, folded, that is searched together with the
 * body, as a prefix is with the header. */
bool signature_may_hold(struct str signature, const struct signature_query *q, struct str extra);
/* Can be read by this version. */
bool signature_is_current(struct str signature);

#endif

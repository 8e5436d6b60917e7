/* The text of a message that searches look through: in UTF-8 without case, over transfer encodings, charsets,
 * encoded-words and HTML. The search itself and the index of it (store/search) both take the text from here, so that
 * they see the same bytes.
 *
 * Text comes in units: a header field, the text of a part, an attachment's name. A match lies within one unit. A change
 * of what the units hold needs a new SIGNATURE_VERSION (store/search/signature.h). */
#ifndef IEMS_PROTO_MIME_SEARCH_TEXT_H
#define IEMS_PROTO_MIME_SEARCH_TEXT_H

#include "proto/mime/summary.h"

enum { SEARCH_HEADER_MAX = 1024 * 1024 }; /* searches look into so much of a header */

/* Folds UTF-8 in place to lower case (Latin, Greek, Cyrillic, Armenian, full width): lengths do not change. */
void search_fold(char *text, size_t len);

/* Where the body is read from: lends 1 to `max` bytes at the offset, until the next call. 0 or ERR_. */
struct search_source {
    int (*read)(void *arg, uint64_t offset, size_t max, struct str *out);
    void *arg;
    uint64_t size;
};

/* Takes the next piece of folded text; `begins`: of a new unit. 0 to go on; all else ends the walk, which returns it.
 */
struct search_sink {
    int (*take)(void *arg, struct str text, bool begins);
    void *arg;
};

/* Every field of a header. */
NODISCARD int search_walk_header(struct str header, const struct search_sink *sink);
/* All parts: their MIME headers, their text, and HTML once more as the text that it shows; not the header of the
 * message. ERR_CORRUPT when the summary does not fit. */
NODISCARD int search_walk_body(const struct summary *summary, const struct search_source *source,
                               const struct search_sink *sink);

#endif

/* SORT (RFC 5256, RFC 5957): brings messages that were found into order by what the store keeps of them. */
#ifndef IEMS_IMAPD_SORT_H
#define IEMS_IMAPD_SORT_H

#include "imapd/content.h"
#include "proto/imap/search_parse.h"
#include "proto/imap/set.h"

enum { SORT_TEXT_MAX = 256 * 1024 * 1024 };

/* UIDs in order; `exact`: those that are more relevant than the others (RFC 6203). `*out` is malloc'd. ERR_LIMIT: too
 * much text to be sorted. */
NODISCARD int sort_run(struct session *s, const struct imap_search *program, const struct imap_runs *found,
                       const struct imap_runs *exact, uint32_t **out, size_t *count);
/* Folds UTF-8 for comparison and appends it. */
void sort_fold(struct str text, struct buf *out);

#endif

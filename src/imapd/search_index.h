/* Asks the store's search index which messages may hold the texts that a search looks for, so that only those are read.
 */
#ifndef IEMS_IMAPD_SEARCH_INDEX_H
#define IEMS_IMAPD_SEARCH_INDEX_H

#include "imapd/search.h"

/* Sets `indexed` and `maybe` of the tests that the index can tell something of. True if there are any; whatever fails
 * only leaves more to read. */
bool search_index_ask(const struct search *x, const struct imap_runs *uids);
/* What was told is for those messages only. */
void search_index_forget(const struct search *x);

#endif

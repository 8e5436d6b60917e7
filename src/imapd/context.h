/* Searches that the server keeps up to date (RFC 5267): SEARCH and SORT with RETURN (UPDATE), CANCELUPDATE. They belong
 * to the selected mailbox and end with it. */
#ifndef IEMS_IMAPD_CONTEXT_H
#define IEMS_IMAPD_CONTEXT_H

#include "imapd/session.h"
#include "proto/imap/set.h"

enum { CONTEXTS_MAX = 8, CONTEXT_SORTED_MAX = 20000, CONTEXT_ARENA_MAX = 1024 * 1024 };

struct contexts;

/* Keeps the search `text` (the arguments of the command) that found `found`. `order`: its UIDs in the order of a SORT,
 * or NULL. ERR_LIMIT: there are too many. */
NODISCARD int context_add(struct cmd *c, struct str text, bool sort, const struct imap_runs *found,
                          const uint32_t *order, size_t count);
/* Whether a search with this tag is kept up to date. */
bool context_known(const struct session *s, struct str tag);
/* False: there is none of that tag. */
bool context_cancel(struct session *s, struct str tag);
void contexts_free(struct contexts *all); /* NULL is fine */

/* A message came, or its flags changed: it will be looked at again. Cheap when there is no context. */
void context_touch(struct session *s, uint32_t uid);
/* Tells what joined and left because of that. */
void contexts_update(struct session *s);
/* These are about to be expunged from the client's view. */
void contexts_expunge(struct session *s, const struct imap_runs *gone);

#endif

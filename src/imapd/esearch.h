/* What a search found, as the client asked to be told: SEARCH, SORT or ESEARCH (RFC 9051 section 7.3.4, RFC 4731,
 * RFC 5267, RFC 9394). */
#ifndef IEMS_IMAPD_ESEARCH_H
#define IEMS_IMAPD_ESEARCH_H

#include "imapd/command.h"
#include "proto/imap/search_parse.h"

/* Numbers in the order of the result: those of `list`, or without it, of `runs`. */
struct found {
    struct imap_runs *runs;
    const uint32_t *list;
    size_t count;
};
uint32_t found_at(const struct found *f, size_t i);

/* "* SEARCH 1 2 3" or "* SORT 3 1 2" */
void esearch_tell_plain(struct session *s, const char *name, const struct found *f, uint64_t modseq);
/* "* ESEARCH (TAG "a") UID ..." */
/* `exact`: the numbers of those that a strict search finds too; NULL without RELEVANCY. */
void esearch_tell(struct cmd *c, const struct imap_search *program, const struct found *f, uint64_t modseq,
                  const struct imap_runs *exact);
/* The same of UIDs, with the mailbox that the session looks at (RFC 7377 section 2.1). */
void esearch_tell_mailbox(struct cmd *c, const struct imap_search *program, const struct found *f, uint64_t modseq,
                          const struct imap_runs *exact);
/* The positions, from 0, that a partial range means: [*from, *to). */
void found_partial(const struct imap_partial *p, size_t count, size_t *from, size_t *to);
/* The numbers at positions [from, to) as a set in that order. */
void found_write(const struct found *f, size_t from, size_t to, struct buf *out);

#endif

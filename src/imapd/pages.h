/* Pages of message records from the store: the next page is fetched while the present one is worked on. */
#ifndef IEMS_IMAPD_PAGES_H
#define IEMS_IMAPD_PAGES_H

#include "imapd/session.h"
#include "proto/imap/set.h"

struct pages;

/* `uids` must live as long. fields: FIELD_ bits. changed_since 0 = all. */
struct pages *pages_open(struct session *s, const struct imap_runs *uids, unsigned fields, uint64_t changed_since);
/* The same for another folder than the selected one. */
struct pages *pages_open_in(struct session *s, uint64_t folder, const struct imap_runs *uids, unsigned fields,
                            uint64_t changed_since);
/* The next page of records, lent until the next call. ERR_NOTFOUND at the end, or the store's failure. */
NODISCARD int pages_next(struct pages *p, struct str *records);
void pages_close(struct pages *p); /* NULL is fine */
/* Adds to `out` those of the messages that have all of these flags. */
NODISCARD int pages_flagged(struct session *s, uint64_t folder, const struct imap_runs *uids, uint64_t flags,
                            struct imap_runs *out);

#endif

/* Stored searches (RFC 5466): FILTER name stands for the program in /private/filters/values/name or
 * /shared/filters/values/name of the account. */
#ifndef IEMS_IMAPD_FILTER_H
#define IEMS_IMAPD_FILTER_H

#include "imapd/session.h"
#include "proto/imap/search_parse.h"

/* Puts the programs in the place of their names. ERR_NOTFOUND, with `*name`: there is no such filter, or it is no
 * search. ERR_LIMIT: too many filters within filters. */
NODISCARD int filter_resolve(struct session *s, struct imap_search *program, struct arena *arena, struct str *name);

#endif

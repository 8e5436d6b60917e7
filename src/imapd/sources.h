/* The mailboxes that are meant by "inboxes", "personal", "subtree" and the like (RFC 7377 section 2.2). */
#ifndef IEMS_IMAPD_SOURCES_H
#define IEMS_IMAPD_SOURCES_H

#include "imapd/session.h"
#include "proto/imap/notify_parse.h"

enum { SOURCES_NAMES_MAX = 20000 };

struct sources {
    struct imap_sources meant;
    struct str *name; /* when resolved; in no order that matters, each once */
    size_t count;
};

/* Fills in the names of the mailboxes that there are. Memory from `arena`. */
NODISCARD int sources_resolve(struct session *s, struct sources *x, struct arena *arena);

#endif

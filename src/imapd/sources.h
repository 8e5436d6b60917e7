/* Which mailboxes are meant: "selected", "inboxes", "personal", "subscribed", "subtree" and "mailboxes" with names
 * (RFC 5465 section 6, RFC 7377 section 2.2). */
#ifndef IEMS_IMAPD_SOURCES_H
#define IEMS_IMAPD_SOURCES_H

#include "imapd/session.h"
#include "proto/imap/args.h"

enum { SOURCES_MAX = 100, SOURCES_NAMES_MAX = 20000 };

enum source_kind {
    SOURCE_INBOXES,
    SOURCE_PERSONAL,
    SOURCE_SUBSCRIBED,
    SOURCE_SUBTREE,
    SOURCE_SUBTREE_ONE,
    SOURCE_MAILBOX
};
struct source {
    enum source_kind kind;
    struct str name; /* of SUBTREE and MAILBOX */
};

struct sources {
    bool selected;
    struct source source[SOURCES_MAX];
    size_t sources;
    struct str *name; /* when resolved; in no order that matters, each once */
    size_t count;
};

/* "(" source *(SP source) ")" */
bool sources_parse(struct imap_args *a, struct sources *out);
/* Fills in the names of the mailboxes that there are. Memory from `arena`. */
NODISCARD int sources_resolve(struct session *s, struct sources *x, struct arena *arena);

#endif

/* NOTIFY (RFC 5465 section 8), and the mailboxes that it and ESEARCH speak of (RFC 5465 section 6, RFC 7377 section
 * 2.2): "selected", "inboxes", "personal", "subscribed", "subtree" and "mailboxes" with names. */
#ifndef IEMS_PROTO_IMAP_NOTIFY_PARSE_H
#define IEMS_PROTO_IMAP_NOTIFY_PARSE_H

#include "proto/imap/fetch_parse.h"

enum { IMAP_SOURCES_MAX = 100, IMAP_NOTIFY_GROUPS_MAX = 32 };

enum imap_source_kind {
    IMAP_SOURCE_INBOXES,
    IMAP_SOURCE_PERSONAL,
    IMAP_SOURCE_SUBSCRIBED,
    IMAP_SOURCE_SUBTREE,
    IMAP_SOURCE_SUBTREE_ONE,
    IMAP_SOURCE_MAILBOX
};
struct imap_source {
    enum imap_source_kind kind;
    struct str name; /* of SUBTREE and MAILBOX */
};
struct imap_sources {
    bool selected, delayed; /* "selected", or "selected-delayed" */
    struct imap_source source[IMAP_SOURCES_MAX];
    size_t count;
};
/* "(" source *(SP source) ")" */
bool imap_args_sources(struct imap_args *a, struct imap_sources *out);
bool imap_mailbox_is_other(struct str name); /* not in the personal namespace (RFC 2342) */
/* Whether a mailbox is meant by one of them. "selected" is not looked at. */
bool imap_sources_match(const struct imap_sources *x, struct str name, bool subscribed);

enum imap_notify_event {
    IMAP_NOTIFY_MESSAGE_NEW = 1,
    IMAP_NOTIFY_MESSAGE_EXPUNGE = 2,
    IMAP_NOTIFY_FLAG_CHANGE = 4,
    IMAP_NOTIFY_MAILBOX_NAME = 8,
    IMAP_NOTIFY_SUBSCRIPTION = 16,
    IMAP_NOTIFY_MAILBOX_METADATA = 32,
    IMAP_NOTIFY_SERVER_METADATA = 64,
    IMAP_NOTIFY_MESSAGES = IMAP_NOTIFY_MESSAGE_NEW | IMAP_NOTIFY_MESSAGE_EXPUNGE | IMAP_NOTIFY_FLAG_CHANGE,
};
extern const char imap_notify_events[]; /* the names of all */

struct imap_notify_group {
    struct imap_sources sources; /* either "selected" alone, or one or more others */
    unsigned events;             /* 0 = NONE */
};
struct imap_notify {
    bool none, status;
    struct imap_notify_group *group; /* in the arena */
    size_t groups;
    bool has_fetch; /* the "selected" group says what to tell of new messages */
    struct imap_fetch fetch;
};
/* What follows the name of the command, to its end. ERR_UNSUPPORTED: well formed, with an event that there is not.
 * ERR_INVALID, ERR_LIMIT (too many groups or names), ERR_NOMEM. */
NODISCARD int imap_notify_parse(struct imap_args *a, struct imap_notify *out);

#endif

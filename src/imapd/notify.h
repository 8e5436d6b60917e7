/* NOTIFY (RFC 5465): what the client wants to hear of the selected mailbox, and of others. For those the store is asked
 * to tell of the whole account; what it tells is noted, and looked at when the client can be told. */
#ifndef IEMS_IMAPD_NOTIFY_H
#define IEMS_IMAPD_NOTIFY_H

#include "imapd/session.h"
#include "proto/imap/notify_parse.h"
#include "rpc/store_methods.h"

struct notify_tree;

struct notify {
    struct arena *arena; /* of `set` */
    struct imap_notify set;
    bool implied;        /* by ENABLE METADATA: annotations alone, and no sooner than a command ends or in IDLE */
    bool wide;           /* mailboxes other than the selected one are watched */
    bool names;          /* names, subscriptions or rights have changed since the tree was read */
    bool overflow;       /* more was to be told than is kept */
    uint64_t generation; /* of the store, when the tree was read */
    struct notify_tree *tree;
    uint64_t *pending; /* folders whose messages have changed */
    size_t pending_count, pending_max;
    struct buf metadata; /* responses that wait */
};

/* From the arguments of the command. Errors as imap_notify_parse. */
NODISCARD int notify_new(struct str text, bool utf8, struct notify **out);
void notify_free(struct notify *n); /* NULL is fine */
/* ENABLE METADATA (RFC 5464 section 4.1): annotations that others change are told, unless the client says NOTIFY. */
void notify_imply(struct session *s);
/* Begins to watch; with STATUS, tells how the mailboxes are. */
NODISCARD int notify_start(struct session *s);
/* The store no longer tells of the account. */
void notify_unwatch(struct session *s);

/* From the store. Must not wait. */
void notify_note(struct session *s, const Store__AccountChanged *e);
/* The mailbox is not selected any more. If it is among those that the client wants to hear of, what came to it while it
 * was is told as STATUS: clients overlook an EXISTS that comes when they are about to select another. */
void notify_deselected(struct session *s, uint64_t folder);
bool notify_has_news(const struct session *s);
/* Tells what waits, of mailboxes other than the selected one. An error of the store: the rest is told later. */
NODISCARD int notify_tell(struct session *s);
/* Tells news until the client sends something. 0, or why the session ends. */
NODISCARD int notify_wait(struct session *s);

/* Events of the selected mailbox that the client is told, also without NOTIFY; 0: none. After NOTIFY SET without a
 * group for it there are none (RFC 5465 section 3.1). */
unsigned notify_selected(const struct session *s);
/* Expunges are told at any time ("selected"): the client does not use message numbers. */
bool notify_at_once(const struct notify *n);
/* What to tell of new messages in it, or NULL. */
const struct imap_fetch *notify_new_items(const struct session *s);
/* Of a mailbox that is not selected: what all groups that are about it ask for (RFC 5465 section 6); nothing if one of
 * them says NONE. */
unsigned notify_events(const struct notify *n, struct str name, bool subscribed);

#endif

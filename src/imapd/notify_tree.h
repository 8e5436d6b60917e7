/* The mailboxes as the client was last told of them, for NOTIFY (RFC 5465 sections 5.4 to 5.6): what is different now
 * is what has happened. */
#ifndef IEMS_IMAPD_NOTIFY_TREE_H
#define IEMS_IMAPD_NOTIFY_TREE_H

#include "imapd/notify.h"

struct notify_mailbox {
    uint64_t id; /* 0: a name that is only subscribed */
    struct str name, special_use;
    bool subscribed, no_select, has_children;
    bool no_access;  /* may be listed, not read */
    bool seen, told; /* still there when it is compared; its LIST response was sent */
    unsigned events;
    uint32_t uidvalidity, uidnext;
    uint64_t messages, modseq;
};

/* Reads all mailboxes and tells what is different; the first time nothing, but with `status` how they are. */
NODISCARD int notify_tree_read(struct session *s, bool status);
void notify_tree_free(struct notify_tree *t);                                      /* NULL is fine */
struct notify_mailbox *notify_tree_find(const struct notify_tree *t, uint64_t id); /* NULL */
/* Tells if the messages are other than before. */
void notify_tree_compare(struct session *s, struct notify_mailbox *m, const Store__Folder *now);

#endif

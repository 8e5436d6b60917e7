/* Accounts that were deleted and may be brought back for store.undelete_time. The entry stays, with the class
 * iedeletedaccount: one write makes the account unknown to everybody, one write brings it back. What follows (its
 * memberships, its place in the tree, the mailbox) is done again until it is done, whoever dies in between (LIM-20). */
#ifndef IEMS_DIR_GONE_H
#define IEMS_DIR_GONE_H

#include "dir/dir.h"

void gone_start(struct dir *d);
void gone_store_connected(struct dir *d);
/* Something changed: does what is to be done, and removes those whose time is over. Returns at once. */
void gone_look(struct dir *d);

uint64_t gone_keep_ms(const struct dir *d); /* 0: what is deleted is gone */
int64_t gone_at(const struct entry *e);     /* when it was deleted, ms */
/* The one with this number, or, with 0, the last one whose primary address it was. NULL: none. */
const struct entry *gone_find(const struct dir *d, struct str address, uint64_t account);

/* One at a time works on an account. ERR_CONFLICT. */
NODISCARD int gone_hold(struct dir *d, uint64_t account, struct error *err);
void gone_release(struct dir *d, uint64_t account);

/* In a fiber, each: */
/* Marks a live account, with what it is a member of: from then on it does not exist. */
NODISCARD int gone_mark(struct dir *d, const struct entry *e, struct error *err);
/* What follows, as far as it is not done. */
NODISCARD int gone_settle(struct dir *d, uint64_t account, struct error *err);
/* For good. */
NODISCARD int gone_purge(struct dir *d, uint64_t account, struct error *err);
/* Makes an account that was brought back a member again of what it was a member of. */
NODISCARD int gone_rejoin(struct dir *d, const unsigned char uuid[static RECORD_UUID_LEN], struct error *err);
/* ACCOUNT_DELETE or ACCOUNT_RESTORE; a mailbox that there never was is fine. */
NODISCARD int gone_tell_store(struct dir *d, uint64_t account, bool restore, bool keep, struct error *err);

#endif

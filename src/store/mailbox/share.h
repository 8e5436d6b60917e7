/* Sharing: whose folders an account may see, and with which rights. Rights stand with the folders of their owner (`A`
 * records); `R` records say for each account who shares something with it, so that this is one short scan. */
#ifndef IEMS_STORE_MAILBOX_SHARE_H
#define IEMS_STORE_MAILBOX_SHARE_H

#include "store/mailbox/mailbox.h"

enum { ACCOUNT_ANYONE = 0 };

/* What an account may do with a folder; RIGHTS_ALL with its own. */
uint32_t folder_rights(const struct folder *f, uint64_t asker);

/* Somebody who shares something. */
struct share_owner {
    uint64_t account;
    bool shared; /* a shared account, not a person's */
    char *address;
};
/* Those who share with an account, or with anyone, by address; each once. Free with share_owners_free. The account is
 * held by the caller. In a fiber. */
NODISCARD int share_owners(struct account *a, struct share_owner **out, size_t *count);
void share_owners_free(struct share_owner *list, size_t count);

/* Changes one entry of a folder's rights, and what follows from it. ERR_LIMIT. Fills the batch; the caller submits it
 * at once, with share_changed. */
NODISCARD int folder_share(struct folder *f, struct batch *b, uint64_t account, struct str identifier, bool negative,
                           enum acl_mode mode, uint32_t rights);
/* A new folder has the rights of the one above it. */
void folder_inherit(struct folder *f, struct batch *b, const struct folder *parent);
/* The folder is about to go: its rights go too. */
void folder_unshare(struct folder *f, struct batch *b);
/* Sets who may use a shared account, its quota and its name. `members` is taken over. False: nothing changed. */
bool account_share(struct account *a, struct batch *b, struct acl *members, uint64_t quota, struct str address);
/* Takes an account, which goes, out of the rights of this one. */
void account_unshare_with(struct account *a, struct batch *b, uint64_t gone);
/* The account goes: those with whom it shared hear of it. */
void account_unshare(struct account *a, struct batch *b);
/* Puts all records of the reverse index. */
void account_index_shares(struct account *a, struct batch *b);
/* Notes address and quota as a login tells them. */
void account_note_owner(struct account *a, struct batch *b, struct str address, uint64_t quota);
/* The batch was submitted as `seq`: who may see what is read anew after it. */
void share_changed(struct mailboxes *m, uint64_t seq);

#endif

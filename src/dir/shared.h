/* Shared accounts: one mailbox that several users work with. Members stand in the entry (iemember: "address rights");
 * iems-store is told who they are whenever that changes. SHARE-01 to SHARE-09, docs/admin/sharing.md. */
#ifndef IEMS_DIR_SHARED_H
#define IEMS_DIR_SHARED_H

#include "dir/dir.h"

enum { SHARED_MEMBERS_MAX = 4096 };

/* "kim@example.test write". ERR_INVALID. */
struct shared_member {
    struct str address;
    struct str word;    /* read, write, admin */
    const char *rights; /* as letters of RFC 4314 */
};
NODISCARD int shared_member_parse(struct str value, struct shared_member *out);
/* The letters of a word; NULL: no such word. */
const char *shared_rights(struct str word);
/* Whether an account may send as this entry: a member that may write. */
bool shared_may_send(const struct dir *d, const struct entry *e, uint64_t account, struct arena *arena);

/* Something changed, or the store is there again: it is told soon. */
void shared_refresh(struct dir *d);
void shared_store_connected(struct rpc_client *c, void *arg); /* of rpc_client_ops; arg: the dir */
/* Tells the store now what it has not been told; failures are logged and tried again later. In a fiber. */
void shared_tell_store(struct dir *d);
/* Takes an address, whose owner goes, out of all lists of members. In a fiber. */
NODISCARD int shared_forget(struct dir *d, struct str address, struct error *err);

#endif

/* Who may do what with a folder, or with all folders of an account: identifiers with rights, also negative ones, which
 * take away (RFC 4314 section 2). A user is known by the number of the account, so that a rename changes nothing;
 * number 0 is "anyone", everybody who has logged in. The address is what is shown. */
#ifndef IEMS_STORE_MAILBOX_ACL_H
#define IEMS_STORE_MAILBOX_ACL_H

#include "store/mailbox/rights.h"

enum { ACL_ENTRIES_MAX = 4096, ACL_IDENTIFIER_MAX = 512, ACL_RECORD_MAX = 4 * 1024 * 1024 };

enum acl_mode { ACL_SET, ACL_ADD, ACL_REMOVE };

struct acl_entry {
    uint64_t account;
    char *identifier; /* address, or "anyone" */
    uint32_t rights;
    bool negative;
};

struct acl {
    struct acl_entry *entries;
    size_t count;
};

void acl_done(struct acl *a);
/* Given, and taken away. */
uint32_t acl_granted(const struct acl *a, uint64_t account);
uint32_t acl_denied(const struct acl *a, uint64_t account);
/* Whether an entry with positive rights names exactly this account (0 = anyone). */
bool acl_names(const struct acl *a, uint64_t account);
/* Changes an entry; one that is left without rights goes. `changed` tells whether anything did. ERR_LIMIT. */
NODISCARD int acl_change(struct acl *a, uint64_t account, struct str identifier, bool negative, enum acl_mode mode,
                         uint32_t rights, bool *changed);
bool acl_forget(struct acl *a, uint64_t account); /* both entries; true: there was one */
const struct acl_entry *acl_find(const struct acl *a, struct str identifier, bool negative);
void acl_copy(struct acl *to, const struct acl *from); /* `to` is empty */
bool acl_equal(const struct acl *a, const struct acl *b);

/* The form in records: u32 count, count x (u64 account, u8 negative, u32 rights, u32+identifier). */
void acl_write(const struct acl *a, struct buf *out);
NODISCARD int acl_read(struct str value, struct acl *out); /* ERR_CORRUPT */

#endif

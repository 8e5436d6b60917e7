/* What the administration handlers share. */
#ifndef IEMS_DIR_ADMIN_H
#define IEMS_DIR_ADMIN_H

#include "dir/address_key.h"
#include "dir/dir.h"

/* An entry as message, in `arena`. */
NODISCARD int admin_user_message(const struct entry *e, struct arena *arena, Dir__User *out);
/* Parses and qualifies with the default domain; err names the address as it was given. */
NODISCARD int admin_address(const struct dir *d, const char *text, struct address_key *out, struct error *err);
/* The entry whose primary address it is. ERR_NOTFOUND; ERR_INVALID when it is an alias of another. */
NODISCARD int admin_find(const struct dir *d, const char *text, const struct entry **out, struct error *err);
/* The local domain of an address; ERR_INVALID with what to do about it. */
NODISCARD int admin_domain_of(const struct dir *d, const struct address_key *k, const struct entry **out,
                              struct error *err);
const char *admin_dn(const struct entry *e, struct arena *arena); /* NULL: out of memory */

/* Holds addresses while an entry with them is being made, so that two at once cannot get the same one. */
NODISCARD int admin_hold(struct dir *d, struct str key, struct error *err);
void admin_release(struct dir *d, struct str key);

/* Gives an entry another primary address; references to it follow. In a fiber. */
NODISCARD int admin_rename(struct dir *d, struct rpc_request *r, const struct entry *e, const char *new_address,
                           struct error *err);

/* Checks of values that a person gave. ERR_INVALID with what would be right. */
NODISCARD int admin_check_permission(const char *text, unsigned *bits,
                                     struct error *err); /* "send", "send+receive", ... */
NODISCARD int admin_check_connector(const char *text, struct error *err);
NODISCARD int admin_check_text(const char *what, const char *text, struct error *err);

/* Password hashes for the directory, on a worker. Waits. */
NODISCARD int admin_set_password(struct dir *d, struct write_op *op, int mod, const char *password, struct error *err);
/* Switches of services as they are to be after `changes` ("imap=off"). ERR_INVALID. */
NODISCARD int admin_services(const struct entry *old, char *const *changes, size_t count, uint8_t *flags,
                             struct error *err);
NODISCARD int admin_set_services(struct write_op *op, int mod, uint8_t flags);
/* Number with %llu. */
NODISCARD int admin_set_number(struct write_op *op, int mod, enum directory_attr attr, uint64_t n);
/* x-permission of LOCAL, beside what other channels have. */
NODISCARD int admin_set_permission(struct write_op *op, int mod, const struct entry *old, unsigned bits);

#endif

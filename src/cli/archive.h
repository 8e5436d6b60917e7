/* The store of a backup, or of an instance that is stopped, as a service: a working copy is made (links to the tables,
 * which nobody changes, and copies of the rest) and served by a child process. The original is only read. The copy is
 * locked as long as we live; what both of us left when we were killed is removed by the next one. */
#ifndef IEMS_CLI_ARCHIVE_H
#define IEMS_CLI_ARCHIVE_H

#include "cli/child.h"
#include "cli/mail.h"
#include "daemon/config.h"

struct archive {
    struct child child;
    char dir[INSTANCE_PATH_MAX]; /* the working copy */
    int lock;                    /* of it, if there is one */
    struct rpc_client *store;
    char ldif[INSTANCE_PATH_MAX]; /* of a backup: its directory */
    uint64_t holes;               /* places that could not be read until archive_look */
};

#define ARCHIVE_NONE                                                                                                   \
    { .child.fd = -1, .lock = -1 }

NODISCARD int archive_open(const char *store_dir, struct archive *out, struct error *err);
/* The store of a backup. What is in missing or damaged files of it cannot be read, the rest can. */
NODISCARD int archive_open_backup(const char *backup, struct archive *out, struct error *err);
void archive_close(struct archive *a);
/* Calls `each` for every account that is in it until it fails. Where the store's record cannot be read the address is
 * that of the backup's directory; "": nobody knows it. */
NODISCARD int archive_each_account(const struct archive *a,
                                   int (*each)(void *arg, uint64_t number, const char *address, struct error *err),
                                   void *arg, struct error *err);
/* The number of the account with that address. ERR_NOTFOUND. */
NODISCARD int archive_find(const struct archive *a, const char *address, uint64_t *number, struct error *err);
/* Asks for `holes` of now. */
NODISCARD int archive_look(struct archive *a, struct error *err);
/* Appends the address of the account with that number in an LDIF file; nothing: it is not there. archive_address.c */
NODISCARD int archive_address(const char *ldif, uint64_t number, struct buf *out, struct error *err);
/* A session of an account of it; mail_close. */
NODISCARD int archive_login(const struct archive *a, uint64_t number, const char *address, struct mail_session *out,
                            struct error *err);

#endif

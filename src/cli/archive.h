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
};

#define ARCHIVE_NONE                                                                                                   \
    { .child.fd = -1, .lock = -1 }

NODISCARD int archive_open(const char *store_dir, struct archive *out, struct error *err);
/* The store of a backup. What is in missing or damaged files of it cannot be read, the rest can. */
NODISCARD int archive_open_backup(const char *backup, struct archive *out, struct error *err);
void archive_close(struct archive *a);
/* Calls `each` for every account that is in it until it fails. */
NODISCARD int archive_each_account(const struct archive *a,
                                   int (*each)(void *arg, uint64_t number, const char *address, struct error *err),
                                   void *arg, struct error *err);
/* The number of the account with that address. ERR_NOTFOUND. */
NODISCARD int archive_find(const struct archive *a, const char *address, uint64_t *number, struct error *err);
/* A session of an account of it; mail_close. */
NODISCARD int archive_login(const struct archive *a, uint64_t number, const char *address, struct mail_session *out,
                            struct error *err);

#endif

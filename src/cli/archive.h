/* The store of a backup, or of an instance that is stopped, as a service: a working copy is made (links to the tables,
 * which nobody changes, and copies of the rest) and served by a child process. The original is only read. */
#ifndef IEMS_CLI_ARCHIVE_H
#define IEMS_CLI_ARCHIVE_H

#include "cli/child.h"
#include "daemon/config.h"

struct archive {
    struct child child;
    char dir[INSTANCE_PATH_MAX]; /* the working copy */
    struct rpc_client *store;
};

NODISCARD int archive_open(const char *store_dir, struct archive *out, struct error *err);
void archive_close(struct archive *a);
/* Appends a ticket for an account of it. */
NODISCARD int archive_ticket(uint64_t account, const char *address, struct buf *out);

#endif

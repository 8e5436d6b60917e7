/* A child process that is a service for the command line: it gets its end of a connection as CHILD_SOCKET. */
#ifndef IEMS_CLI_CHILD_H
#define IEMS_CLI_CHILD_H

#include "rpc/rpc.h"

#include <sys/types.h>

struct child {
    const char *program; /* "iems-archive" */
    pid_t pid;           /* 0 = none */
    int fd;              /* our end, until it is taken; -1 */
};

/* Starts `program`, which is in the folder of our programs, with `arguments`, which end with NULL. */
NODISCARD int child_start(struct child *out, const char *program, const char *const *arguments, struct error *err);
/* For struct rpc_client_ops, with the child as argument: connects once. */
NODISCARD int child_connect(void *child, uint64_t deadline_ms, int *fd, struct error *err);
/* Kills it, and waits for its end; zeroed or ended before is fine. */
void child_end(struct child *c);

#endif

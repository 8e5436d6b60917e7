/* Whether an instance runs, and starting and stopping it; for start, stop and restart. */
#ifndef IEMS_CLI_RUNNING_H
#define IEMS_CLI_RUNNING_H

#include "cli/cli.h"

#include <sys/types.h>

/* The responder's pid while it holds the lock of the instance; 0 = it is not running. */
pid_t running_pid(const char *instance);
/* Exit statuses; both print what happened. */
int running_start(const char *instance);
int running_stop(struct cli *c);

#endif

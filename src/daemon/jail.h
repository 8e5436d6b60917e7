/* What a module gives up before it touches the outside: user, new privileges, files (Landlock), system calls (seccomp).
 * docs/design/privileges.md has the table. A system call that is not allowed is logged with its name; opening a file is
 * refused then, anything else ends the process with JAIL_EXIT. */
#ifndef IEMS_DAEMON_JAIL_H
#define IEMS_DAEMON_JAIL_H

#include "base/error.h"

#include <stdint.h>

enum { JAIL_EXIT = 159 };

struct jail {
    uint32_t needs;           /* enum daemon_needs */
    const char *instance_dir; /* DATA_DIR: its data folder */
    const char *user;         /* to drop to when started as root; "" = stay */
};

/* Once, before threads are made. What the kernel does not offer is logged as a warning. Builds with sanitizers keep
 * files and system calls open, which they need. */
NODISCARD int jail_enter(const struct jail *j, struct error *err);

/* The parts. */
NODISCARD int jail_drop_user(const char *user, struct error *err);
NODISCARD int jail_limit_files(const struct jail *j, struct error *err);
NODISCARD int jail_limit_calls(const struct jail *j, struct error *err);

#endif

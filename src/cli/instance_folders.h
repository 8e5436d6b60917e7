/* The folders of a new instance, for init and restore. */
#ifndef IEMS_CLI_INSTANCE_FOLDERS_H
#define IEMS_CLI_INSTANCE_FOLDERS_H

#include "base/error.h"

#include <pwd.h>

/* Below DIR, which is there. */
NODISCARD int instance_folders_make(const char *dir, struct error *err);
/* Gives the service user what its processes write. As root only. */
NODISCARD int instance_folders_give(const char *dir, const struct passwd *pw, struct error *err);

#endif

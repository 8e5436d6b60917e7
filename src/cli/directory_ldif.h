/* The whole directory as LDIF: reads the database itself, whether the directory runs or not. */
#ifndef IEMS_CLI_DIRECTORY_LDIF_H
#define IEMS_CLI_DIRECTORY_LDIF_H

#include "base/error.h"

/* Writes PATH (mode 0600). It holds password hashes. */
NODISCARD int directory_export(const char *instance, const char *path, struct error *err);

#endif

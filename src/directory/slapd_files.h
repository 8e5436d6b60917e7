/* Files and child programs for slapd_config.c. */
#ifndef IEMS_DIRECTORY_SLAPD_FILES_H
#define IEMS_DIRECTORY_SLAPD_FILES_H

#include "base/str.h"

/* "DIR/rest". ERR_LIMIT. */
NODISCARD int slapd_path(const char *dir, const char *rest, char *out, size_t out_size, struct error *err);
/* Replaces a file (mode 0600) in one step: written beside it, synced, renamed. */
NODISCARD int slapd_file_write(const char *path, struct str content, struct error *err);
/* Absolute path of slapd, slapadd, slapcat, slapmodify. NULL = not installed. Static storage. */
const char *slapd_program(const char *name);
/* Runs one of the slap tools (args[0] is its name) to its end; what it said last goes into err. */
NODISCARD int slapd_run_tool(const char *name, const char *const args[], struct error *err);

#endif

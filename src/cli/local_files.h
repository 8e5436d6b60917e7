/* Files of this host, for backups, exports and transfers: copied whole, with their SHA-256. */
#ifndef IEMS_CLI_LOCAL_FILES_H
#define IEMS_CLI_LOCAL_FILES_H

#include "base/buf.h"

#include <stdio.h>
#include <sys/stat.h>

enum { FILE_HASH_TEXT = 65 };

/* Copies a regular file; the copy is new, synced, and has the time of the original. `hash` (may be NULL) gets the
 * SHA-256 in hexadecimal. */
NODISCARD int file_copy(const char *from, const char *to, mode_t mode, char hash[FILE_HASH_TEXT], struct error *err);
NODISCARD int file_hash(const char *path, char hash[static FILE_HASH_TEXT], struct error *err);
/* Writes a new file, synced. ERR_EXISTS when it is there. */
NODISCARD int file_write_new(const char *path, struct str text, mode_t mode, struct error *err);
/* Appends the content. ERR_LIMIT when it is larger than the buffer may be. */
NODISCARD int file_read(const char *path, struct buf *out, struct error *err);
/* Makes a folder and those above it. */
NODISCARD int folder_make(const char *path, mode_t mode, struct error *err);

#endif

/* A backup is a folder DIR/TIME with the files of the store (store/), the directory (directory.ldif), configuration
 * (config/) and a manifest, which is written last: without it, or with a wrong checksum, it is no backup. Files that
 * did not change since the backup before may be links to its files, so each one is whole by itself. */
#ifndef IEMS_CLI_BACKUP_H
#define IEMS_CLI_BACKUP_H

#include "base/arena.h"
#include "cli/local_files.h"
#include "daemon/config.h"

enum { MANIFEST_MAX = 256 * 1024 * 1024, BACKUP_NAME_MAX = 64, BACKUP_VERSION = 1 };

struct backup_file {
    const char *path; /* below the backup */
    char hash[FILE_HASH_TEXT];
    uint64_t size, mtime_ns, inode; /* of the original */
};

struct manifest {
    struct arena *memory;
    const char *hostname, *program;
    int64_t time; /* seconds */
    unsigned store_format;
    bool keys;
    struct backup_file *files;
    size_t count, cap;
};

NODISCARD int manifest_new(struct manifest *m);
void manifest_done(struct manifest *m);
NODISCARD int manifest_add(struct manifest *m, const struct backup_file *f);
const struct backup_file *manifest_find(const struct manifest *m, const char *path); /* NULL */
void manifest_write(const struct manifest *m, struct buf *out);
/* ERR_CORRUPT with the reason, ERR_UNSUPPORTED: made by a newer version. */
NODISCARD int manifest_parse(struct str text, struct manifest *m, struct error *err);

NODISCARD int manifest_read(const char *backup, struct manifest *m, struct error *err);
/* The backup itself, or in a folder of backups the newest one (or that of this name). */
NODISCARD int backup_choose(const char *dir, const char *name, char out[static INSTANCE_PATH_MAX], struct error *err);
/* Names of the whole backups in a folder, oldest first. */
NODISCARD int backup_names(const char *dir, struct arena *arena, char ***out, size_t *count, struct error *err);
/* Compares every file with the manifest; prints what is wrong. ERR_CORRUPT. */
NODISCARD int backup_verify(const char *backup, struct error *err);

#endif

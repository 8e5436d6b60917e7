/* Paths in web folders: "reports/2026/plan.pdf", one "/" or none at either end. Names are UTF-8 and kept in NFC, so
 * that the same name from different systems is one name. Pure. */
#ifndef IEMS_STORE_FILES_PATH_H
#define IEMS_STORE_FILES_PATH_H

#include "base/arena.h"
#include "base/buf.h"

enum {
    FILE_NAME_MAX = 255, /* bytes */
    FILE_DEPTH_MAX = 50, /* folders and the name itself */
    FILE_PATH_MAX = FILE_DEPTH_MAX * (FILE_NAME_MAX + 1),
};

struct file_path {
    struct str part[FILE_DEPTH_MAX];
    size_t depth; /* 0: the root */
};

/* Names lie in the arena. ERR_INVALID, ERR_LIMIT, ERR_NOMEM with the reason. */
NODISCARD int file_path_parse(struct str text, struct arena *arena, struct file_path *out, struct error *err);
/* One name, in NFC, appended to `out`, whose maximum is FILE_NAME_MAX. */
NODISCARD int file_name_take(struct str name, struct buf *out, struct error *err);

#endif

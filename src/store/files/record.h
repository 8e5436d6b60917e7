/* Records of web folders (docs/design/store-format.md): an entry for each file and folder under its parent and name,
 * the usage of an account, and a marker for each folder that was removed and still has entries. */
#ifndef IEMS_STORE_FILES_RECORD_H
#define IEMS_STORE_FILES_RECORD_H

#include "store/key.h"
#include "store/wire.h"

enum {
    FILE_ROOT = 0,       /* the folder at the top of an account */
    FILE_TYPE_MAX = 127, /* bytes of a content type */
    FILE_VALUE_MAX = 512,
    FILE_KEY_HEAD = 17, /* what stands before the name */
};

struct file_entry {
    bool folder;
    uint64_t id; /* of a folder, which its entries have as parent, or of the body of a file */
    uint64_t size;
    int64_t modified; /* ms */
    struct str type;  /* content type, "" = not known */
};

struct file_usage {
    uint64_t files, folders, bytes;
};

void file_key(struct key *k, uint64_t account, uint64_t parent, struct str name);
void file_purge_key(struct key *k, uint64_t account, uint64_t folder);
/* Takes a key apart. ERR_CORRUPT. */
NODISCARD int file_key_parse(struct str key, uint64_t *account, uint64_t *parent, struct str *name);
void file_entry_encode(const struct file_entry *e, struct buf *out);
/* The view points into the value. ERR_CORRUPT. */
NODISCARD int file_entry_decode(struct str value, struct file_entry *out);
void file_usage_encode(const struct file_usage *u, struct buf *out);
NODISCARD int file_usage_decode(struct str value, struct file_usage *out);

#endif

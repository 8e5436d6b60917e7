/* Shared by the files of this folder only. */
#ifndef IEMS_STORE_FILES_PRIVATE_H
#define IEMS_STORE_FILES_PRIVATE_H

#include "base/map.h"
#include "store/files/files.h"

enum {
    FILE_SLICE = 200,         /* entries of one commit */
    PACK_WAIT_MAX = 4096,     /* bodies that wait to be packed; more stay as they came */
    PURGE_WAIT_MS = 20 * 1000 /* how long what wants room waits for what is being removed */
};

/* A folder whose entries are being removed. */
struct files_purge {
    struct list link;
    struct files_account *account; /* pinned */
    uint64_t folder;
};

struct files {
    struct store *st;
    struct blobs *bs;
    struct map *accounts, *domains;
    struct list purges;
    bool stopping, purger;
    struct {
        uint64_t ids[PACK_WAIT_MAX];
        size_t count;
        bool runs;
    } pack;
};

/* account.c */
struct files_domain *files_domain_of(struct files *f, struct str name);
/* In and out of the turn: between the two nobody else changes the tree. ERR_NOTFOUND: the account is gone. */
NODISCARD int files_turn(struct files_account *a, struct error *err);
void files_turn_end(struct files_account *a);
/* Changes the usage in memory and in the batch. */
void files_count(struct files_account *a, struct batch *b, int64_t files, int64_t folders, int64_t bytes);
/* Whether there is room for that much more; waits for what is being removed. ERR_NOSPACE, ERR_LIMIT. */
NODISCARD int files_room(struct files_account *a, const struct files_limits *l, int64_t bytes, int64_t entries,
                         struct error *err);
/* Submits; the turn may end then. */
void files_submit(struct files_account *a, struct batch *b, enum commit_kind kind);

/* walk.c */
struct file_walk {
    uint64_t parent; /* the last folder that is there */
    size_t at;       /* the name that was looked for in it */
    bool found;
    struct file_info info; /* if it was */
};
/* Follows the path as far as it goes. `avoid`: a folder that must not be on it (ERR_INVALID), 0 = none. */
NODISCARD int file_walk(struct files_account *a, const struct file_path *p, uint64_t avoid, struct file_walk *out,
                        struct error *err);
/* The same; what is missing, but for the last name, is ERR_NOTFOUND. */
NODISCARD int file_walk_parent(struct files_account *a, const struct file_path *p, uint64_t avoid,
                               struct file_walk *out, struct error *err);
int file_missing(const struct file_path *p, size_t depth, struct error *err); /* ERR_NOTFOUND with the path */
void file_put_entry(struct batch *b, const struct files_account *a, uint64_t parent, struct str name,
                    const struct file_entry *e);
void file_delete_entry(struct batch *b, const struct files_account *a, uint64_t parent, struct str name);
/* Whether a file may be put where the walk ended. */
NODISCARD int file_may_replace(const struct file_walk *w, const struct file_path *p, bool replace, struct error *err);

/* Holds the body of a file; NULL when it is lost. Free with blob_unpin. */
NODISCARD int file_pin_body(struct files_account *a, uint64_t id, struct blob **out);

/* What hangs below a folder. */
struct file_measure {
    struct files_account *account;
    uint64_t folder, most;
    struct file_usage usage; /* without the folder itself */
    size_t levels;           /* 0: it is empty */
    int rc;
};
/* ERR_LIMIT when there are more than `most` entries. */
NODISCARD int file_measure(struct files_account *a, uint64_t folder, uint64_t most, struct file_measure *out);

/* Some entries of a folder behind a name; the bodies of files are held until slice_done. */
struct file_slice {
    struct files *files;
    struct {
        char name[FILE_NAME_MAX];
        size_t name_len;
        struct file_info info;
        bool damaged;
        struct blob *blob; /* pinned; NULL: a folder, or there is none */
    } * list;
    size_t count;
};
NODISCARD int file_slice(struct files_account *a, uint64_t folder, struct str after, struct file_slice *out);
void file_slice_done(struct file_slice *s);

/* remove.c */
void files_purge(struct files_account *a, uint64_t folder); /* its marker is in a batch that was submitted */
/* pack.c */
void files_pack(struct files *f, uint64_t blob); /* some time later */

#endif

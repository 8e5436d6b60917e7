/* Web folders (WFOLD-01): a tree of files for each account. A file is an entry under its parent and name, with a body
 * as messages have (blob/blob.h); a folder's entries name its number, so that a folder is renamed by one record. What
 * changes an account has its turn: it reads the tree, decides, changes counters and submits without a wait in between.
 * What was removed or copied halfway hangs on a marker and is nobody's to see; a start goes on with it.
 *
 * All functions but the counters' wait: in a fiber. What they tell is durable when they return. */
#ifndef IEMS_STORE_FILES_FILES_H
#define IEMS_STORE_FILES_FILES_H

#include "net/fiber.h"
#include "store/blob/blob.h"
#include "store/files/path.h"
#include "store/files/record.h"

enum {
    FILE_ENTRIES_MAX = 1000 * 1000, /* of one account */
    FILE_COPY_MAX = 100 * 1000,     /* entries that one copy takes */
    FILE_LIST_MAX = 1000,           /* entries of one page */
};

struct files;

struct files_domain {
    uint64_t bytes, reserved;
};

/* The state of an account that has, or is about to have, web folders. */
struct files_account {
    struct files *files;
    uint64_t id;
    struct file_usage usage; /* of all entries, those that are being removed too */
    uint64_t reserved;       /* bytes that a copy is going to add */
    struct files_domain *domain;
    struct semaphore turn;
    uint64_t seq; /* commit of the last change */
    unsigned pins, purging;
    struct cond purged;
    bool gone;    /* the account was deleted for good */
    bool damaged; /* its usage could not be read */
};

/* What may be held, in bytes; 0 = unlimited. Sums of a domain are of its accounts as they were last used. */
struct files_limits {
    uint64_t account, domain;
};

struct files_stats {
    uint64_t accounts, files, bytes;
};

struct files *files_new(struct store *st, struct blobs *bs);
void files_free(struct files *f);
/* Reads the usage of all accounts, and goes on with what a crash left. */
NODISCARD int files_start(struct files *f, struct error *err);
void files_stop(struct files *f);
bool files_busy(const struct files *f); /* something in the background has not ended yet */
void files_get_stats(const struct files *f, struct files_stats *out);

/* Holds the account, which counts for this domain from now on. */
struct files_account *files_pin(struct files *f, uint64_t account, struct str domain);
void files_unpin(struct files_account *a); /* NULL is fine */

struct file_info {
    struct file_entry entry; /* type points to the text below */
    char type_text[FILE_TYPE_MAX + 1];
};
/* ERR_NOTFOUND. The root is a folder. */
NODISCARD int files_stat(struct files_account *a, const struct file_path *p, struct file_info *out, struct error *err);

/* A page of a folder in order of the names' bytes, behind `after`. */
struct files_page {
    struct arena *arena;
    struct {
        struct str name;
        struct file_entry entry;
    } * list;
    size_t count;
    bool more;
};
NODISCARD int files_list(struct files_account *a, const struct file_path *p, struct str after, size_t max,
                         struct files_page *page, struct error *err);

struct file_new {
    struct upload *upload; /* NULL: the body below. Taken over when the file is put */
    struct str body, type;
    int64_t modified; /* ms, 0 = now */
    bool replace;     /* a file that is there; not a folder */
    bool parents;     /* folders that are missing are made */
    uint64_t size;    /* with check_only */
    bool check_only;  /* changes nothing: could it be put? */
};
/* ERR_EXISTS, ERR_NOTFOUND (of the folder), ERR_NOSPACE, ERR_LIMIT. */
NODISCARD int files_put(struct files_account *a, const struct files_limits *l, const struct file_path *p,
                        struct file_new *n, struct file_entry *out, struct error *err);
/* ERR_EXISTS; with `parents` a folder that is there is right. */
NODISCARD int files_mkdir(struct files_account *a, const struct file_path *p, bool parents, struct error *err);
/* `to` is the new path itself. A folder goes with all that it holds. ERR_EXISTS unless a file may `replace` a file. */
NODISCARD int files_move(struct files_account *a, const struct file_path *from, const struct file_path *to,
                         bool replace, struct error *err);
/* The same for a copy, which shares the bodies and counts as much as the original. All or nothing. */
NODISCARD int files_copy(struct files_account *a, const struct files_limits *l, const struct file_path *from,
                         const struct file_path *to, bool replace, struct file_usage *out, struct error *err);
/* A folder that holds something only with `recursive` (ERR_CONFLICT): it is gone at once, its room follows. */
NODISCARD int files_remove(struct files_account *a, const struct file_path *p, bool recursive, struct error *err);

/* The account goes for good: adds that to the batch; files_purge_all once it was submitted. */
void files_delete_all(struct files *f, struct batch *b, uint64_t account);
void files_purge_all(struct files *f, uint64_t account);

struct files_repaired {
    uint64_t removed;   /* entries that could not be read, or had no body */
    uint64_t recovered; /* folders without a name, which are at the top now */
    bool counted;       /* the usage was not that of the entries */
};
/* Puts the tree of an account right. */
NODISCARD int files_repair(struct files *f, uint64_t account, struct files_repaired *out);

#endif

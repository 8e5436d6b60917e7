/* Checks every invariant of docs/design/store-format.md against a snapshot, online. Pure reading; runs on a worker. */
#ifndef IEMS_STORE_SERVICE_CHECK_H
#define IEMS_STORE_SERVICE_CHECK_H

#include "base/map.h"
#include "store/store.h"

enum check_repair {
    REPAIR_NONE,
    REPAIR_BLOB_COUNT,
    REPAIR_BLOB_ORPHAN,
    REPAIR_CHUNKS,
    REPAIR_INDEX,
    REPAIR_ENTRY,
    REPAIR_COUNTERS,
    REPAIR_FLAGS,
    REPAIR_SHARE,
    REPAIR_FILES,
};

/* One thing that is wrong, and what repairs it. */
struct check_fault {
    enum check_repair repair;
    uint64_t id;   /* blob, entry, folder, account */
    int64_t delta; /* REPAIR_BLOB_*: what the count is off */
    char *text;
    char *key; /* REPAIR_INDEX, REPAIR_FLAGS: the key to delete */
    size_t key_len;
};

struct check {
    struct engine *e;
    struct engine_snapshot *snap;
    struct check_fault *faults;
    size_t fault_count, fault_cap;
    bool queue_only;
    _Atomic uint64_t records; /* read so far; may be looked at while it runs */
    uint64_t entries, accounts, folders, messages, blobs;
    uint64_t first_id;        /* identifiers from here on are newer than the snapshot's state in memory */
    struct map *entry_ids;    /* queue entries seen */
    struct map *refs;         /* blob -> count of references seen */
    bool body_unknown;        /* an entry in quarantine may have any body that nothing names */
    bool nameless;            /* the record of a folder's name cannot be read: the folder is not known */
    struct map *folder_of;    /* folder -> struct check_folder */
    struct map *files;        /* account -> what its web folders hold */
    struct map *file_folders; /* folder of web folders -> one of those */
    size_t paged_min;         /* folders with fewer messages have no pages */
    int page_rc;
    int rc;
};

struct check_folder {
    uint64_t account, id;
    bool purged, has_counters;
    uint32_t uidnext, first_recent;
    uint64_t highestmodseq, messages, unseen, deleted, size, recent;                       /* as stored */
    uint64_t seen_messages, seen_unseen, seen_deleted, seen_size, seen_flags, seen_recent; /* as found */
};

void check_run(struct check *c);
void check_done(struct check *c);

/* --- for the parts */
__attribute__((format(printf, 4, 5))) void check_fault(struct check *c, enum check_repair repair, uint64_t id,
                                                       const char *fmt, ...);
void check_fault_key(struct check *c, enum check_repair repair, struct str key); /* completes the last fault */
NODISCARD int check_each(struct check *c, enum engine_space space, struct str from, struct str to,
                         void (*each)(struct check *c, struct str key, struct str value));
NODISCARD int check_each_kind(struct check *c, enum key_kind kind,
                              void (*each)(struct check *c, struct str key, struct str value));
bool check_has(struct check *c, struct str key);
bool check_value_is(struct check *c, struct str key, struct str want);
void check_ref(struct check *c, uint64_t blob);
NODISCARD int check_queue(struct check *c);
NODISCARD int check_mailboxes(struct check *c);
NODISCARD int check_pages(struct check *c); /* behind check_mailboxes */
NODISCARD int check_files(struct check *c);
NODISCARD int check_blobs(struct check *c);
NODISCARD int check_shares(struct check *c);
NODISCARD int check_search(struct check *c);

#endif

/* Shared by the files of this folder only. */
#ifndef IEMS_STORE_MAILBOX_PRIVATE_H
#define IEMS_STORE_MAILBOX_PRIVATE_H

#include "base/map.h"
#include "store/mailbox/share.h"

struct mailboxes {
    struct store *st;
    struct blobs *bs;
    struct map *accounts;                /* id -> struct account */
    struct list account_lru;             /* not pinned, oldest first */
    struct list folder_lru;              /* hot and not pinned */
    struct list paging;                  /* struct folder_pages of folders that want pages */
    uint32_t page_uids;                  /* UIDs to a page; set before the first is written */
    size_t page_messages_min, paged_min; /* messages of a page, of a folder with pages */
    size_t list_bytes, list_bytes_max;
    size_t accounts_max;
    uint64_t share_seq; /* the last commit that changed who shares with whom */
    unsigned share_changes;
    unsigned inserted;
    struct map *domains; /* name, lower case -> struct domain_room; entries stay */
    unsigned domains_told;
    uint32_t domains_round;
    bool ended;                                  /* wait.c */
    void (*healed)(void *arg, uint64_t account); /* may be NULL */
    void *healed_arg;
};

void folder_free(struct folder *f);
struct folder *folder_new(struct account *a, uint64_t id, struct str name);
NODISCARD int folder_decode_name(struct folder *f, struct str value);
NODISCARD int folder_decode_counters(struct folder *f, struct str value);
/* Counts anew from the list and the stored records, and puts the counters. In a fiber. */
NODISCARD int folder_recount(struct folder *f, struct batch *b);
void account_recount(struct account *a);
int share_take(struct account *a, struct str rest, struct str value); /* a record of rights, while loading */
/* heal.c: a name whose record cannot be read, while loading; then, in a fiber, puts right what can be. */
void account_take_damaged(struct account *a, struct folder *f);
NODISCARD int account_heal(struct account *a);
const char *account_first_use(const char *name); /* special use of one of the folders that every account has */
void folder_list_drop(struct folder *f);         /* HOT, not pinned -> COLD */
void folder_list_room(struct folder *f);         /* for one more */

enum { FLAGS_VALUE_LEN = 16, FLAGS_KEY_LEN = 13 };

/* --- pages.c */
bool folder_is_paged(const struct folder *f); /* it may have pages */
/* The flags of this message, or whether it is there, change with this batch. */
void folder_pages_touch(struct folder *f, struct batch *b, uint32_t uid);
void folder_pages_want(struct folder *f); /* some may be missing */
void folder_pages_off(struct folder *f);  /* none is to be written */
bool folder_pages_wanted(const struct folder *f);
bool folder_pages_write(struct folder *f, size_t *max); /* those that are missing; false: there are more */
void folder_pages_drop(struct folder *f, struct batch *b);
void folder_pages_forget(struct folder *f); /* deletes them all, known or not, in a commit of its own */
void folder_pages_known(struct folder *f, struct uid_run *run, size_t count); /* `run` is taken over */
uint64_t folder_pages_seq(const struct folder *f);                            /* commit of the last one, or 0 */
void folder_pages_free(struct folder *f);                                     /* of the state in memory */

#endif

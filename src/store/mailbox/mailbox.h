/* Accounts, folders and messages. The state of accounts in use (folders, counters, and for folders in use the uid,
 * flags and modseq of every message) lives in memory, is authoritative, and changes on the loop thread in the order of
 * commits; the engine follows. Functions that may wait are marked "in a fiber"; the others never wait, so that a caller
 * can check, change memory and fill a batch in one step, and submit it.
 *
 * Durability: `folder->seq` is the commit of its last change. A reply about a folder is built from memory, then sent
 * when that commit is durable, so that no UID or MODSEQ that a client saw can be lost and given again. */
#ifndef IEMS_STORE_MAILBOX_MAILBOX_H
#define IEMS_STORE_MAILBOX_MAILBOX_H

#include "net/fiber.h"
#include "store/blob/blob.h"
#include "store/mailbox/acl.h"
#include "store/mailbox/record.h"

enum {
    FOLDER_NAME_MAX = 1000, /* bytes */
    FOLDER_LEVELS_MAX = 100,
    FOLDERS_MAX = 20000, /* in one account */
    KEYWORD_LEN_MAX = 255,
    MESSAGE_PREFIX_MAX = 64 * 1024,
    VANISHED_LOG_MAX = 128, /* runs of vanished UIDs that a folder keeps in memory */
};

struct message {
    uint32_t uid;
    uint64_t flags, modseq;
};

struct uid_run {
    uint32_t first, last;
};

/* Successive UIDs of messages with the same flags. */
struct flag_run {
    uint32_t first, last;
    uint64_t flags;
};

struct vanished {
    uint64_t modseq;
    struct uid_run run;
};

enum folder_heat { FOLDER_COLD, FOLDER_LOADING, FOLDER_HOT };

struct folder {
    struct account *account;
    uint64_t id;
    char *name;              /* UTF-8; "INBOX" */
    const char *special_use; /* "\\Sent", ... or "": static text */
    bool no_select, gone;    /* gone: deleted while somebody holds it */
    bool recount;            /* its counters were damaged (heal.c) */
    uint32_t uidvalidity, uidnext;
    uint64_t highestmodseq, messages, unseen, deleted, size;
    char *keywords[MAILBOX_KEYWORDS_MAX];
    unsigned keyword_count;
    struct acl acl;        /* beside the owner's rights, which are all; share.h */
    uint64_t seq;          /* commit of the last change */
    uint32_t first_recent; /* messages from this UID on are recent (RFC 3501 section 2.3.2): no session has been told */
    uint64_t recent;       /* so many */

    enum folder_heat heat; /* of the message list below */
    struct message *list;
    size_t count, cap;
    size_t unseen_hint;         /* no unseen message stands before this index */
    uint64_t flag_modseq;       /* no message but the newest ones has a modseq above this */
    struct folder_pages *pages; /* pages.c; NULL: none */
    unsigned pins;              /* users of the list */
    struct cond loaded;
    struct list lru;
    struct vanished *vanished; /* since vanished_floor, complete */
    size_t vanished_count;
    uint64_t vanished_floor;

    /* service/transfer.h */
    uint32_t unwritten;  /* 0, or messages from this UID on may have no records in the engine yet */
    unsigned sources;    /* transfers that will read records of its messages, also of such as are off the list */
    struct cond written; /* one of the two changed */

    struct list watchers; /* struct folder_watch */
    uint64_t notify_seq;  /* commit whose durability is awaited for the watchers; 0 = none */
};

/* What the Quota Agent has decided (quota/life.h). */
struct quota_state {
    uint8_t stage; /* Store__QuotaStage */
    bool blocked;  /* the total of the domain is used up */
    int64_t since, until;
    uint64_t level;    /* of an expired account: below it mail is taken again */
    uint32_t messages; /* that the account may hold, 0 = unlimited */
};

/* A domain whose accounts may hold so much together (quota.c). */
struct domain_room {
    uint64_t total; /* 0 = not limited any more */
    uint64_t used, reserved;
    uint32_t round; /* of the telling that named it last */
};

struct account {
    struct mailboxes *m;
    uint64_t id;
    char *address;
    int64_t created, last_access; /* ms */
    uint32_t next_uidvalidity;
    bool deleted, loading, exists;
    bool kept;              /* with `deleted`: all of it is there and may be brought back */
    bool damaged;           /* while loading: something cannot be read */
    uint64_t unnamed;       /* while loading: a folder with counters and without a name */
    unsigned unnamed_count; /* how many there are */
    struct quota_state state;
    uint64_t bytes, messages;   /* change by account_count alone */
    uint64_t reserved;          /* by a step that is being checked */
    uint32_t reserved_messages; /* the same */
    struct domain_room *domain; /* NULL: not limited */
    unsigned domain_at;         /* of which domains_told the one above is */
    struct folder **folders;    /* by name */
    size_t folder_count, folder_cap;
    char **subscribed; /* names, sorted */
    size_t subscribed_count, subscribed_cap;
    bool shared;        /* a shared account, without a login of its own */
    struct acl members; /* rights on all of its folders; with `shared` only */
    uint64_t quota;     /* bytes, as last known, 0 = unlimited: for what others put into its folders */
    bool has_share;     /* there is a record of the three above */
    bool owners_known;  /* the list below is what the engine said when mailboxes had seen `owners_at` changes */
    unsigned owners_at;
    struct share_owner *owners; /* who shares something with this account */
    size_t owner_count;
    struct list watchers; /* struct account_watch; each holds the account */
    bool names_changed, names_telling;
    unsigned pins;
    struct cond loaded;
    struct list lru;
};

struct folder_watch {
    struct list link;
    struct folder *folder;
    /* What is durable changed. Must not wait. */
    void (*changed)(struct folder_watch *w, uint64_t highestmodseq);
};

/* What happened in an account. One of the three. */
struct account_change {
    struct folder *folder; /* its messages, up to `modseq`; or, with entries, its annotations */
    uint64_t modseq;
    bool names;         /* of folders, subscriptions, or rights to them */
    char *const *entry; /* annotations that were changed; folder NULL: those of the account */
    size_t entries;
    const void *by; /* who did it, if that is known */
};

struct account_watch {
    struct list link;
    struct account *account;
    /* What is durable changed. Must not wait. */
    void (*changed)(struct account_watch *w, const struct account_change *change);
};

struct mailboxes;

struct mailboxes *mailboxes_new(struct store *st, struct blobs *bs, size_t cache_bytes);
void mailboxes_free(struct mailboxes *m);
/* Told of each account of which something could not be read and was put right (heal.c). Must not wait. */
void mailboxes_on_healed(struct mailboxes *m, void (*healed)(void *arg, uint64_t account), void *arg);

/* --- account.c */
/* Brings an account into memory and holds it. With `create` it is made, with INBOX and the special folders, if there is
 * none. ERR_NOTFOUND: none, or it was deleted. In a fiber. */
NODISCARD int account_pin(struct mailboxes *m, uint64_t id, struct str address, bool create, struct account **out);
/* The same for one that may be deleted, if it is kept. */
NODISCARD int account_pin_kept(struct mailboxes *m, uint64_t id, struct account **out);
void account_unpin(struct account *a);                             /* NULL is fine */
struct folder *account_folder(struct account *a, struct str name); /* INBOX in any case; NULL */
/* The same, and if there is none one whose name differs in the case of ASCII letters only. */
struct folder *account_folder_like(struct account *a, struct str name);
/* The first mailbox with this special use; NULL: none has it, or `use` is "". */
struct folder *account_folder_of_use(struct account *a, const char *use);
struct folder *account_folder_by_id(struct account *a, uint64_t id);
bool account_has_children(struct account *a, const char *name);
bool account_subscribed(struct account *a, struct str name);
/* quota.c: the record of a quota's state. ERR_CORRUPT. */
void quota_state_put(const struct quota_state *q, uint64_t account, struct batch *b); /* deletes it when all is well */
NODISCARD int quota_state_decode(struct str value, struct quota_state *out);
/* Whether the account takes mail at all, whatever its size. */
bool account_takes(const struct account *a);
enum account_room { ROOM_FITS, ROOM_TAKES_NONE, ROOM_DOMAIN_FULL, ROOM_FULL, ROOM_MESSAGES };
/* Whether so many more messages of so many bytes fit in. quota 0 = unlimited. */
enum account_room account_room(struct account *a, uint64_t bytes, uint32_t messages, uint64_t quota);
const char *account_room_text(enum account_room room); /* for a person; "" = fits */
static inline bool account_fits(struct account *a, uint64_t bytes, uint32_t messages, uint64_t quota) {
    return account_room(a, bytes, messages, quota) == ROOM_FITS;
}
/* A step that is being checked will add this; forget: it is done, or not. */
void account_reserve(struct account *a, uint64_t bytes);
void account_reserve_forget(struct account *a);
/* What the account holds changed by this much. */
void account_count(struct account *a, int64_t bytes, int64_t messages);
/* Domains with a total and what they hold now; those that are not named until domains_end have none. */
void domains_begin(struct mailboxes *m);
NODISCARD int domains_tell(struct mailboxes *m, struct str name, uint64_t total, uint64_t used);
void domains_end(struct mailboxes *m);
/* For an account that was never used. */
bool domains_fit(const struct mailboxes *m, struct str address, uint64_t bytes);
void account_put_record(struct account *a, struct batch *b);
uint32_t account_new_uidvalidity(struct account *a, struct batch *b);
/* Adds a folder in memory and batch. The name is valid and free. */
struct folder *account_add_folder(struct account *a, struct batch *b, struct str name, const char *special_use);
void account_remove_folder(struct account *a, struct folder *f); /* from the table; freed when nobody holds it */
void account_sort_folders(struct account *a);
void account_subscribe(struct account *a, struct batch *b, struct str name, bool on);

/* --- folder.c */
/* ERR_INVALID, ERR_LIMIT with the reason. `out` (FOLDER_NAME_MAX + 1) gets the name with INBOX in capitals. */
NODISCARD int folder_name_check(struct str name, char *out, struct error *err);
const char *folder_special_use(struct str s); /* static text of a known special use, or NULL */
void folder_put_name(struct folder *f, struct batch *b);
void folder_put_counters(struct folder *f, struct batch *b);
/* The commit that holds the last changes of the folder was submitted: watchers will be told. */
void folder_changed(struct folder *f, uint64_t seq);
void folder_watch(struct folder *f, struct folder_watch *w);
void folder_tell_gone(struct folder *f); /* watchers ask, and find that it is not there any more */
void folder_unwatch(struct folder_watch *w);
uint64_t folder_next_modseq(struct folder *f);
/* The session that asks is the one that is told of all recent messages. Returns the commit that holds it, or 0: it is
 * to be written (store_wait_applied) before the session is told, and no other is when the store dies. It is no change
 * of the folder, and relaxed: after a loss of power they may be recent once more. */
uint64_t folder_claim_recent(struct folder *f);
/* Bits of the keywords, adding new ones (then the name record is put). ERR_LIMIT when full and `strict`. */
NODISCARD int folder_keywords(struct folder *f, struct batch *b, char *const *names, size_t count, bool create,
                              bool strict, uint64_t *bits);
/* map[i]: which flags in `to` flag i of `from` becomes, of those that are used and may be set. Keywords are added, and
 * dropped if they do not fit there. */
void folder_map_flags(const struct folder *from, struct folder *to, struct batch *b, uint64_t used, uint64_t may,
                      uint64_t map[64]);

/* --- watch.c: the account is held by the caller until account_unwatch */
void account_watch(struct account *a, struct account_watch *w);
void account_unwatch(struct account_watch *w);
void account_tell(struct account *a, const struct account_change *change); /* what is durable */
/* Names, subscriptions or rights are being changed, in a commit of this step: told when it is durable. */
void account_names_changed(struct account *a);

/* --- wait.c: what transfers have not written yet (service/transfer.h). In a fiber; the folder is held.
 * ERR_CANCELLED: the store ends. */
/* Until the engine has the records of those messages up to `last` that are there now. */
NODISCARD int folder_wait_records(struct folder *f, uint32_t last);
/* Until records of its messages may be removed. */
NODISCARD int folder_wait_sources(struct folder *f);
static inline bool folder_in_transfer(const struct folder *f) {
    return f->unwritten != 0 || f->sources > 0;
}
NODISCARD int folder_wait_transfers(struct folder *f); /* until it is in none */
void mailboxes_end(struct mailboxes *m);               /* nothing is written any more: whoever waits need not */

/* --- load.c, list.c: the message list in memory */
/* Makes the list HOT and holds it. In a fiber. */
NODISCARD int folder_load(struct folder *f);
void folder_unload(struct folder *f); /* lets go */
void folder_hold(struct folder *f);   /* a HOT list stays so, and its account: folder_unload, account_unpin */
size_t folder_find(const struct folder *f, uint32_t uid);  /* index of the first message with at least this UID */
uint32_t folder_first_unseen(struct folder *f);            /* UID or 0 */
void folder_runs(const struct folder *f, struct buf *out); /* u32 pairs, little-endian */
void folder_list_append(struct folder *f, const struct message *msg);
/* In memory, but for the page that goes: folder_put_flags or a record of the change must follow in the same batch. */
void folder_change_flags(struct folder *f, struct batch *b, struct message *msg, uint64_t flags, uint64_t modseq);
void folder_put_flags(const struct folder *f, struct batch *b, const struct message *msg);
void folder_set_flags(struct folder *f, struct batch *b, struct message *msg, uint64_t flags, uint64_t modseq);
void folder_delete_message(const struct folder *f, struct batch *b, uint32_t uid); /* its records, nothing else */
/* Takes messages off the list and the counters; `sizes` of all of them together. Indexes ascend. */
void folder_list_remove(struct folder *f, struct batch *b, const size_t *index, size_t count, uint64_t size,
                        uint64_t modseq);
/* The same, but the records stay for the transfer that moves them. */
void folder_list_release(struct folder *f, struct batch *b, const size_t *index, size_t count, uint64_t size,
                         uint64_t modseq);
/* Adds messages to list and counters, as many as the UIDs of the runs, with one MODSEQ, and `size` bytes together. A
 * transfer writes their records. Returns the first UID, which the others follow. */
uint32_t folder_list_extend(struct folder *f, struct batch *b, const struct flag_run *runs, size_t count,
                            uint64_t size);
/* Runs of UIDs that vanished after `since`. In a fiber (may read the engine). Caller frees. */
NODISCARD int folder_vanished(struct folder *f, uint64_t since, struct uid_run **out, size_t *count);

/* --- pages.c: what memory holds of large folders is written as pages (page.h) */
enum pages_when {
    PAGES_ROUND, /* of folders that are quiet, as one more round has come */
    PAGES_MORE,  /* the same, in the same round */
    PAGES_NOW,   /* of all */
};
/* Writes some, at most `max`. True: there is more to write. */
bool mailboxes_write_pages(struct mailboxes *m, size_t max, enum pages_when when);
void pages_delete_all(struct batch *b, uint64_t folder);

/* --- messages (list.c) */
struct message_new {
    uint64_t flags;
    int64_t internal_date; /* seconds */
    uint64_t blob, body_size;
    struct str prefix, summary;
};
/* Adds a message to folder, counters and batch; the blob's reference is the caller's business. Returns its UID. */
uint32_t folder_append(struct folder *f, struct batch *b, const struct message_new *n);

/* The stored record alone, of one that folder_list_extend has added. Flags in `n` do not count. */
void folder_put_record(const struct folder *f, struct batch *b, uint32_t uid, int64_t save_date,
                       const struct message_new *n);

/* Adds it under a UID that is free, wherever that stands in the list, which is HOT. Nobody may watch the folder. */
void folder_insert(struct folder *f, struct batch *b, uint32_t uid, const struct message_new *n);
unsigned mailboxes_inserted(const struct mailboxes *m); /* how often that was done */

/* The stored record of a message. Views point into the value. */
struct message_stored {
    int64_t internal_date, save_date;
    uint64_t size, blob; /* size: prefix + body */
    struct str prefix, summary;
};
NODISCARD int message_decode(struct str value, struct message_stored *out);
void message_key(struct key *k, enum key_kind kind, uint64_t folder, uint32_t uid);

#endif

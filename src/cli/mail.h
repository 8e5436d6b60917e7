/* Mail of one account, read from a store and put into one: for restore, export and import. */
#ifndef IEMS_CLI_MAIL_H
#define IEMS_CLI_MAIL_H

#include "base/arena.h"
#include "cli/cli.h"
#include "rpc/store_methods.h"
#include "store/mailbox/record.h"

enum {
    MAIL_BODY_MAX = 1024 * 1024 * 1024,
    MAIL_FOLDERS_MEMORY = 64 * 1024 * 1024,
};

struct mail_session {
    struct rpc_client *store;
    uint32_t number;
    uint64_t account;
    /* Told of each message whose text cannot be read, which is then left out. NULL: reading ends with the error. */
    void (*damaged)(void *arg, uint32_t uid, const struct error *why);
    void *damaged_arg;
};

/* Of the running instance, as the administrator. `dir` serves for the call only. */
NODISCARD int mail_login(struct rpc_client *dir, struct rpc_client *store, const char *address,
                         struct mail_session *out, struct error *err);
NODISCARD int mail_open(struct rpc_client *store, struct str ticket, struct mail_session *out, struct error *err);
void mail_close(struct mail_session *s); /* zeroed is fine */

/* All folders, in memory of the arena. */
struct mail_folders {
    Store__Folder **list;
    size_t count;
};
NODISCARD int mail_folders(const struct mail_session *s, struct arena *arena, struct mail_folders *out,
                           struct error *err);
NODISCARD int mail_subscribe(const struct mail_session *s, const char *folder, bool on, struct error *err);

struct mail_message {
    uint32_t uid;
    uint64_t flags;
    int64_t date, size;
    struct str body, summary; /* lent during the call; only if asked for */
};
enum mail_wanted { MAIL_SIZES, MAIL_BODIES, MAIL_SUMMARIES };
/* Calls `each` for every message of the folder in order of UIDs until it fails. Reads page by page. */
NODISCARD int mail_each(const struct mail_session *s, uint64_t folder, enum mail_wanted wanted,
                        int (*each)(void *arg, const struct mail_message *m, struct error *err), void *arg,
                        struct error *err);
/* Appends the message as IMAP would give it. */
NODISCARD int mail_read(const struct mail_session *s, uint64_t folder, uint32_t uid, struct buf *out,
                        struct error *err);

#endif

/* The inside of iems-dir: one of these in a process. Everything here belongs to the loop thread; the LDAP threads and
 * the workers only see what is handed to them. */
#ifndef IEMS_DIR_DIR_H
#define IEMS_DIR_DIR_H

#include "daemon/daemon.h"
#include "dir/brake.h"
#include "dir/credential_cache.h"
#include "dir/mirror.h"
#include "dir/resolve.h"
#include "directory/ldap_sync.h"
#include "directory/ldap_write.h"
#include "net/fiber.h"
#include "rpc/dir_methods.h"

enum {
    HASHES_AT_ONCE = 2, /* argon2id: 19 MiB each */
    HASHES_WAITING_MAX = 256,
    DIR_ARENA_MAX = 16 * 1024 * 1024,
};

struct dir {
    struct daemon *daemon;
    struct mirror *mirror;
    struct ldap_account agent;
    struct ldap_sync *sync;
    struct ldap_writer *writer;
    struct rpc_server *server;
    struct rpc_client *store;
    struct resolve_settings settings;
    char default_domain[256];

    bool replica;            /* changes are made at another host */
    char provider_name[256]; /* that one */
    bool synced;             /* the first refresh was complete */
    bool connected;
    struct cond synced_now;
    bool limits_stale; /* a limit of messages came from elsewhere: the store is to be told */
    bool unnumbered;   /* accounts came that have no number yet */
    bool numbering;    /* a fiber gives them theirs */

    /* configuration in the directory */
    struct map *options; /* name -> value (char *), all valid */
    uint64_t options_serial;
    bool options_stale;
    struct dir_tables *tables;
    struct cond row_released;

    /* logins */
    struct credential_cache *credentials;
    struct trust *trust;
    struct brake *brake;
    struct brake_settings brake_settings;
    struct semaphore hashes;
    unsigned hashes_waiting;
    struct map *pop3_logins; /* account -> when it last logged in to POP3, or NULL */
    struct map *exchanges;   /* number -> struct exchange */
    uint64_t next_exchange;
    unsigned char salt_secret[32];

    /* administration */
    struct map *pending; /* addresses that are being added, rows that are being changed */
    struct semaphore numbers;
    uint64_t next_account, last_account;

    /* shared accounts: what the store was told of them */
    struct map *shared_told; /* account -> hash */
    bool shared_stale;       /* something is to be told */
    bool shared_waking;      /* a fiber will */
    bool shared_incomplete;  /* a member is named whom nobody knows yet */
    struct semaphore shared_telling;

    /* deleted accounts that are kept (gone.h) */
    struct {
        struct loop_timer *timer;
        bool stale; /* the store is to be told of all of them */
        bool busy;  /* a fiber looks at them */
    } gone;

    struct {
        uint64_t resolves, logins, logins_cached, failures, throttled, hashes, writes, refreshes;
    } counts;
};

/* The handlers' table, in handlers.c. Every handler runs only once the mirror is complete. */
typedef int dir_handler(struct dir *d, struct rpc_request *r, struct error *err);
dir_handler handle_resolve, handle_resolve_many, handle_sender_check, handle_domains_watch;
dir_handler handle_auth_start, handle_auth_step, handle_auth_drop, handle_session_ticket;
dir_handler handle_config_watch, handle_option_set;
dir_handler handle_table_set, handle_table_unset, handle_table_delete, handle_table_list, handle_table_watch;
dir_handler handle_user_add, handle_user_set, handle_user_get, handle_user_delete, handle_user_find;
dir_handler handle_user_undelete, handle_user_deleted;
dir_handler handle_domain_add, handle_domain_set, handle_domain_delete, handle_domain_list;
dir_handler handle_alias_add, handle_alias_delete;
dir_handler handle_session_report, handle_session_list, handle_session_disconnect;
void sessions_forget(struct rpc_session *module); /* sessions.c: it has gone */
void sessions_end_user(struct str address, const char *by);
dir_handler handle_shared_add, handle_shared_set, handle_shared_get, handle_shared_find;
dir_handler handle_shared_member, handle_shared_delete;
extern const struct rpc_server_ops dir_server_ops;

/* feed.c: keeps the mirror fed by the synchronisation thread. */
NODISCARD int feed_start(struct dir *d, struct error *err);
/* Performs a write and brings the mirror up to date. Waits. A delete is told to the mirror by the caller. */
NODISCARD int dir_write(struct dir *d, struct write_op *op, struct error *err);

/* limits.c. In a fiber: tells the store what an account may hold. */
NODISCARD int limits_tell(struct dir *d, uint64_t account, struct error *err);
void limits_store_connected(struct dir *d);

/* config.c */
void config_refresh(struct dir *d); /* after changes to the mirror: tells who watches */

/* accounts.c: numbers that are never given twice. Waits. */
NODISCARD int account_number(struct dir *d, uint64_t *out, struct error *err);
void accounts_number_all(struct dir *d); /* starts the fiber that numbers accounts made by others */

/* login.c */
void exchanges_close_session(struct dir *d, uint64_t session);
/* Hashes on a worker, few at a time. ERR_AGAIN when too many wait. */
NODISCARD int dir_hash(struct dir *d, void (*fn)(void *arg), void *arg);

/* ERR_EXISTS with "x exists already as ..." when an entry has the address, or one is being made with it. */
NODISCARD int address_is_free(const struct dir *d, struct str key, const struct entry *except, struct error *err);

#endif

/* iems import --imap: what its parts share. Accounts are taken one after the other, folders of them by several fibers,
 * each with a connection (struct remote) of its own; an error in one folder or account does not end the others. */
#ifndef IEMS_CLI_IMPORT_IMAP_H
#define IEMS_CLI_IMPORT_IMAP_H

#include "cli/import_remote.h"
#include "cli/import_state.h"
#include "cli/mail_target.h"
#include "daemon/config.h"
#include "net/fiber.h"

enum {
    IMPORT_PATTERNS_MAX = 100,
    IMPORT_CONNECTIONS = 4,
    IMPORT_CONNECTIONS_MAX = 32,
    IMPORT_MEMORY = 512 * 1024 * 1024, /* names of folders of all accounts */
    IMPORT_PASSWORD_MAX = 16 * 1024,
    IMPORT_REFUSED_MAX = 200, /* messages of one folder that the server does not give */
};

struct import_options {
    struct remote_server server;
    const char *address, *user, *master, *master_separator, *password_file, *accounts_file, *state_dir, *subfolder;
    const char *folders[IMPORT_PATTERNS_MAX], *excludes[IMPORT_PATTERNS_MAX];
    size_t folder_count, exclude_count;
    unsigned connections;
    bool dry_run, json;
};

struct import_account {
    const char *address, *user, *password;
    char state_dir[INSTANCE_PATH_MAX];
    struct mail_session session;
    struct import_folder *folders, *last_folder; /* a list */
    uint32_t skipped;                            /* folders whose names cannot be here */
    struct error err;
};

struct import_folder {
    struct import_folder *next, *next_waiting;
    struct import_account *account;
    struct str raw;
    const char *name, *special_use; /* here */
    bool no_select, subscribed;
    uint32_t messages; /* there */
    unsigned attempts;
    /* what became of it */
    uint32_t there, here; /* UIDVALIDITY */
    struct mail_counts counts;
    uint64_t known, changed;              /* copied by an earlier run; flags brought up to date */
    uint32_t refused[IMPORT_REFUSED_MAX]; /* UIDs that the server does not give, or breaks the connection at */
    size_t refused_count;
    struct error refusal; /* what it said last */
    bool singly;          /* it did, so they are asked for one by one */
    uint32_t broken_at;   /* UID that was asked for alone when the connection broke */
    struct error err;
};

struct import_run {
    const struct import_options *options;
    struct cli *cli;
    struct arena *arena;
    struct rpc_client *store, *dir;
    struct import_account *accounts;
    size_t account_count, next_account;
    struct import_folder *first, *last; /* that wait */
    unsigned workers, listing;
    struct cond changed;
    /* progress */
    uint64_t total, done, bytes, begun_ms;
};

/* --- import_args.c: exit statuses. Prints what is wrong. */
NODISCARD int import_args_parse(int argc, char **argv, struct import_options *o);
/* Who is brought where: the one account, or those of the file. */
NODISCARD int import_args_accounts(struct import_run *x, struct error *err);

/* --- import_pool.c: everything; errors stand in accounts and folders. */
void import_pool_run(struct import_run *x);

/* --- import_uses.c: lets go of our folders with a special use that is another folder's there, if ours were never used.
 */
NODISCARD int import_uses_give(struct import_run *x, struct import_account *a, struct error *err);

/* --- import_folder.c: one folder, on a connection. */
NODISCARD int import_folder_run(struct import_run *x, struct remote *r, struct import_folder *f, struct error *err);

/* --- import_report.c */
void import_progress(struct import_run *x);
void import_report(const struct import_run *x);

#endif

/* iems rebuild (REBLD-01 to REBLD-07), also under the name `rebuild`: goes through the folders of one account or of
 * all, one at a time, while everything runs. Interrupted, it may be run again; what is in order is only read. */
#include "cli/commands.h"
#include "cli/progress.h"
#include "net/loop.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { SLICE_MS = 10 * 60 * 1000, PAGE = 1000 };

struct rebuild {
    struct rpc_client *store;
    uint64_t account;
    const char *address;
    uint64_t folders, messages, summaries, recovered, lost, flags, counters, failed;
};

static int call(struct rebuild *x, const char *folder, uint32_t after, struct rpc_reply *reply, struct error *err) {
    Store__FolderRebuild req = STORE__FOLDER_REBUILD__INIT;
    req.account = x->account;
    req.name = (char *)(uintptr_t)folder;
    req.after_uid = after;
    return rpc_call(x->store, STORE_FOLDER_REBUILD, &req.base, STR_EMPTY, loop_now_ms() + SLICE_MS, reply, err);
}

static int rebuild_folder(struct rebuild *x, const char *folder, struct error *err) {
    uint32_t after = 0;
    for (bool more = true; more;) {
        RPC_REPLY_AUTO reply = {0};
        int rc = call(x, folder, after, &reply, err);
        if (rc != 0) return error_prefix(err, "%.100s %.100s", x->address, folder);
        const Store__FolderRebuilt *r = (const Store__FolderRebuilt *)reply.msg;
        x->messages += r->messages;
        x->summaries += r->summaries;
        x->recovered += r->recovered;
        x->lost += r->lost;
        x->flags += r->flags;
        x->counters += r->counters;
        if (r->n_told > 0) progress_end();
        for (size_t i = 0; i < r->n_told; i++) printf("%s %s: %s\n", x->address, folder, r->told[i]);
        progress_show("messages looked at", x->messages, 0);
        more = r->more && r->last_uid > after;
        after = r->last_uid;
    }
    x->folders++;
    return 0;
}

static int rebuild_account(struct rebuild *x, const char *folder, struct error *err) {
    RPC_REPLY_AUTO reply = {0};
    if (folder != NULL) return rebuild_folder(x, folder, err);
    int rc = call(x, "", 0, &reply, err);
    if (rc != 0) return rc == ERR_NOTFOUND ? 0 : error_prefix(err, "%.100s", x->address); /* deleted, or never used */
    const Store__FolderRebuilt *r = (const Store__FolderRebuilt *)reply.msg;
    x->counters += r->counters;
    for (size_t i = 0; i < r->n_told; i++) printf("%s: %s\n", x->address, r->told[i]);
    for (size_t i = 0; rc == 0 && i < r->n_folders; i++) {
        rc = rebuild_folder(x, r->folders[i], err);
        if (rc == ERR_NOTFOUND) rc = 0; /* deleted meanwhile */
    }
    return rc;
}

/* One that cannot be rebuilt does not keep the others from it. */
static int rebuild_all(struct rebuild *x, struct error *err) {
    uint64_t after = 0;
    for (bool more = true; more;) {
        Store__AccountList req = STORE__ACCOUNT_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.after = after;
        req.limit = PAGE;
        int rc = rpc_call(x->store, STORE_ACCOUNT_LIST, &req.base, STR_EMPTY, loop_now_ms() + SLICE_MS, &reply, err);
        if (rc != 0) return rc;
        const Store__AccountListed *l = (const Store__AccountListed *)reply.msg;
        for (size_t i = 0; i < l->n_accounts; i++) {
            struct error why = {0};
            x->account = after = l->accounts[i]->account;
            x->address = l->accounts[i]->address;
            if (rebuild_account(x, NULL, &why) == 0) continue;
            progress_end();
            cli_error("%s", why.text);
            x->failed++;
        }
        more = l->more && l->n_accounts > 0;
    }
    x->address = "";
    return x->failed == 0 ? 0 : error_set(err, ERR_CORRUPT, "not all accounts could be rebuilt");
}

static int find_account(struct cli *c, struct rebuild *x) {
    struct rpc_client *dir = cli_connect(c, &dir_service);
    Dir__UserName name = DIR__USER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (dir == NULL) return ERR_CLOSED;
    name.address = (char *)(uintptr_t)x->address;
    int rc = cli_call(dir, DIR_USER_GET, &name.base, STR_EMPTY, &reply, x->address);
    if (rc == 0) x->account = ((const Dir__User *)reply.msg)->account;
    rpc_client_free(dir);
    return rc;
}

static void print_report(const struct rebuild *x) {
    printf("%llu folders, %llu messages looked at.\n", (unsigned long long)x->folders, (unsigned long long)x->messages);
    if (x->summaries + x->recovered + x->lost + x->flags + x->counters == 0) {
        printf("Everything was in order.\n");
        return;
    }
    printf("%llu summaries made anew, %llu messages without flags, %llu folders counted anew,\n"
           "%llu damaged messages moved to \"Recovered\", %llu taken out because nothing of them can be read.\n",
           (unsigned long long)x->summaries, (unsigned long long)x->flags, (unsigned long long)x->counters,
           (unsigned long long)x->recovered, (unsigned long long)x->lost);
}

int cmd_rebuild(struct cli *c, int argc, char **argv) {
    struct rebuild x = {0};
    struct error err = {0};
    bool all = argc == 2 && strcmp(argv[1], "-f") == 0;
    if (argc < 2 || argc > 3 || (argv[1][0] == '-' && !all))
        return cli_usage(cli_current(), "-f for all accounts, or one account");
    const char *folder = argc == 3 ? argv[2] : NULL;
    if (folder != NULL && str_eq_nocase(str_from(folder), STR("INBOX"))) folder = "INBOX";
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    x.store = cli_connect(c, &store_service);
    if (x.store == NULL) return EX_UNAVAILABLE;
    x.address = argv[1];
    int rc = all ? rebuild_all(&x, &err) : find_account(c, &x);
    if (!all && rc == 0) rc = rebuild_account(&x, folder, &err);
    progress_end();
    if (rc != 0 && err.text[0] != '\0') cli_error("%s", err.text);
    if (rc == 0 || x.folders > 0) print_report(&x);
    rpc_client_free(x.store);
    return cli_exit_status(rc);
}

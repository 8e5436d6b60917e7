/* `iems shared list` and `iems shared show`: SHARE-06. */
#include "base/buf.h"
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/shared_text.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { LIST_PAGE = 500 };

/* --- list */
static void print_line(const Dir__Shared *s) {
    char quota[32] = "unlimited";
    if (s->quota_mb > 0) (void)snprintf(quota, sizeof quota, "%llu MB", (unsigned long long)s->quota_mb);
    printf("%-36s %8llu  %-10s %7zu  %s\n", s->address, (unsigned long long)s->account, quota, s->n_members, s->name);
}

static int list(struct rpc_client *dir, const char *pattern, json_t *array) {
    Dir__UserFind find = DIR__USER_FIND__INIT;
    BUF_AUTO after = BUF_INIT(2048);
    find.pattern = (char *)(uintptr_t)pattern;
    find.limit = LIST_PAGE;
    for (bool more = true; more;) {
        RPC_REPLY_AUTO reply = {0};
        int rc = cli_call(dir, DIR_SHARED_FIND, &find.base, STR_EMPTY, &reply, "shared accounts");
        if (rc != 0) return rc;
        const Dir__SharedFound *found = (const void *)reply.msg;
        for (size_t i = 0; i < found->n_accounts; i++) {
            if (array == NULL)
                print_line(found->accounts[i]);
            else
                (void)json_array_append_new(array, shared_text_json(found->accounts[i], NULL));
        }
        more = found->more && found->n_accounts > 0;
        if (!more) break;
        buf_clear(&after);
        buf_adds(&after, found->accounts[found->n_accounts - 1]->address);
        find.after = (char *)(uintptr_t)buf_cstr(&after);
    }
    return 0;
}

int cmd_shared_list(struct cli *c, int argc, char **argv) {
    const char *pattern;
    bool json;
    if (listing_args(argc, argv, &pattern, &json) != EX_OK) return EX_USAGE;
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    json_t *array = json ? json_array() : NULL;
    if (!json) printf("%-36s %8s  %-10s %7s  %s\n", "ADDRESS", "ACCOUNT", "QUOTA", "MEMBERS", "NAME");
    int rc = list(dir, pattern, array);
    rpc_client_free(dir);
    if (rc == 0 && json) return listing_json(array);
    json_decref(array);
    return cli_exit_status(rc);
}

/* --- show */
static void store_ask(struct cli *c, uint64_t account, struct rpc_reply *out) {
    struct rpc_client *store = NULL;
    struct error err = {0};
    Store__AccountId id = STORE__ACCOUNT_ID__INIT;
    id.account = account;
    if (cli_try_connect(c, &store_service, &store, &err) != 0) return;
    (void)!cli_call(store, STORE_ACCOUNT_INFO, &id.base, STR_EMPTY, out, "mailbox");
    rpc_client_free(store);
}

int cmd_shared_show(struct cli *c, int argc, char **argv) {
    Dir__UserName name = DIR__USER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0}, info = {0};
    bool json = argc == 3 && strcmp(argv[2], "--json") == 0;
    if (argc < 2 || argc > 3 || (argc == 3 && !json) || argv[1][0] == '-')
        return cli_usage(cli_current(), "one address is expected");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    name.address = argv[1];
    int rc = cli_call(dir, DIR_SHARED_GET, &name.base, STR_EMPTY, &reply, "shared account");
    rpc_client_free(dir);
    if (rc != 0) return cli_exit_status(rc);
    const Dir__Shared *s = (const void *)reply.msg;
    store_ask(c, s->account, &info);
    if (json) return listing_json(shared_text_json(s, (const void *)info.msg));
    shared_text_print(s, (const void *)info.msg);
    return EX_OK;
}

/* iems search: the index by which searches of mailboxes find texts (docs/design/search.md). */
#include "cli/commands.h"
#include "cli/listing.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static unsigned percent(const Store__SearchStatus *s) {
    return s->round_end == 0 ? 0 : (unsigned)(s->round_at * 100 / (s->round_end + 1));
}

static void print_text(const Store__SearchStatus *s) {
    printf("iems-index:  %s\n", s->connected ? "at work" : "not connected");
    printf("waiting:     %s%llu bodies\n", s->waiting_more ? "more than " : "", (unsigned long long)s->waiting);
    if (s->round) printf("all bodies:  %u%% looked at\n", percent(s));
    printf("indexed:     %llu bodies of %llu bytes, index %llu bytes (since the store started)\n",
           (unsigned long long)s->made, (unsigned long long)s->text_bytes, (unsigned long long)s->made_bytes);
}

static int print_json(const Store__SearchStatus *s) {
    json_t *j = json_pack("{s:b,s:I,s:b,s:i,s:I,s:I,s:I}", "connected", s->connected, "waiting", (json_int_t)s->waiting,
                          "round", s->round, "round_percent", (int)(s->round ? percent(s) : 100), "indexed",
                          (json_int_t)s->made, "indexed_bytes", (json_int_t)s->text_bytes, "index_bytes",
                          (json_int_t)s->made_bytes);
    return listing_json(j);
}

int cmd_search_status(struct cli *c, int argc, char **argv) {
    Store__SearchStatusRequest req = STORE__SEARCH_STATUS_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) return cli_usage(cli_current(), "unexpected \"%s\"", argv[1]);
    if (!cli_instance(c, NULL)) return EX_USAGE;
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(store, STORE_SEARCH_STATUS, &req.base, STR_EMPTY, &reply, "search status");
    rpc_client_free(store);
    if (rc != 0) return cli_exit_status(rc);
    const Store__SearchStatus *s = (const Store__SearchStatus *)reply.msg;
    if (json) return print_json(s);
    print_text(s);
    return EX_OK;
}

static int find_account(struct cli *c, char *address, uint64_t *account) {
    Dir__UserName name = DIR__USER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    name.address = address;
    int rc = cli_call(dir, DIR_USER_GET, &name.base, STR_EMPTY, &reply, "user");
    rpc_client_free(dir);
    if (rc != 0) return cli_exit_status(rc);
    *account = ((const Dir__User *)reply.msg)->account;
    if (*account != 0) return EX_OK;
    cli_error("%s has no mailbox", address);
    return EX_NOUSER;
}

int cmd_search_rebuild(struct cli *c, int argc, char **argv) {
    Store__SearchRebuild req = STORE__SEARCH_REBUILD__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
        return cli_usage(cli_current(), "unexpected \"%s\"", argv[argc - 1]);
    if (!cli_instance(c, NULL)) return EX_USAGE;
    int rc = argc == 2 ? find_account(c, argv[1], &req.account) : EX_OK;
    if (rc != EX_OK) return rc;
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    rc = cli_call(store, STORE_SEARCH_REBUILD, &req.base, STR_EMPTY, &reply, "search rebuild");
    rpc_client_free(store);
    if (rc != 0) return cli_exit_status(rc);
    if (argc == 2)
        printf("%llu messages will be indexed anew.\n",
               (unsigned long long)((const Store__SearchRebuilt *)reply.msg)->bodies);
    else
        printf("All messages will be indexed anew. `iems search status` tells how far it is.\n");
    return EX_OK;
}

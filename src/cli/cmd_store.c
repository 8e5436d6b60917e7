/* iems store check: verifies every invariant of the message store while it runs (docs/design/store-format.md). */
#include "cli/commands.h"
#include "net/loop.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { CHECK_MS = 6 * 3600 * 1000 };

static void print_report(const Store__StoreCheckReply *r) {
    printf("%llu queue entries, %llu accounts, %llu folders, %llu messages, %llu bodies\n",
           (unsigned long long)r->entries, (unsigned long long)r->accounts, (unsigned long long)r->folders,
           (unsigned long long)r->messages, (unsigned long long)r->blobs);
    for (size_t i = 0; i < r->n_faults; i++) printf("%s\n", r->faults[i]);
    if (r->fault_count == 0)
        printf("The store is in order.\n");
    else
        printf("%llu faults.\n", (unsigned long long)r->fault_count);
}

int cmd_store_check(struct cli *c, int argc, char **argv) {
    Store__StoreCheckRequest request = STORE__STORE_CHECK_REQUEST__INIT;
    const char *operand = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--repair") == 0)
            request.repair = true;
        else if (argv[i][0] == '-' || operand != NULL)
            return cli_usage(cli_current(), "unexpected \"%s\"", argv[i]);
        else
            operand = argv[i];
    }
    if (!cli_instance(c, operand)) return EX_USAGE;
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    int rc = rpc_call(store, STORE_STORE_CHECK, &request.base, STR_EMPTY, loop_now_ms() + CHECK_MS, &reply, &err);
    if (rc != 0) {
        cli_error("store check: %s", err.text);
        rpc_client_free(store);
        return cli_exit_status(rc);
    }
    const Store__StoreCheckReply *r = (const Store__StoreCheckReply *)reply.msg;
    print_report(r);
    rpc_client_free(store);
    return r->fault_count == 0 ? 0 : EX_DATAERR;
}

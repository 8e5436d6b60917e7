/* `iems user release`: an account whose sending was slowed down may send as before (SMTPD-11). */
#include "cli/commands.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <sysexits.h>

static int release(struct cli *c, const char *address) {
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    Store__UsageBrake request = STORE__USAGE_BRAKE__INIT;
    RPC_REPLY_AUTO reply = {0};
    request.user = (char *)(uintptr_t)address;
    int rc = cli_call(store, STORE_USAGE_BRAKE, &request.base, STR_EMPTY, &reply, "release");
    if (rc == 0)
        printf(((const Store__UsageBraked *)(const void *)reply.msg)->changed ? "%s may send as before.\n"
                                                                              : "%s was not slowed down.\n",
               address);
    rpc_client_free(store);
    return cli_exit_status(rc);
}

int cmd_user_release(struct cli *c, int argc, char **argv) {
    if (argc != 2 || argv[1][0] == '-') return cli_usage(cli_current(), "one address is expected");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    Dir__UserName name = DIR__USER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    name.address = argv[1];
    int rc = cli_call(dir, DIR_USER_GET, &name.base, STR_EMPTY, &reply, "user");
    int status = rc != 0 ? cli_exit_status(rc) : release(c, ((const Dir__User *)(const void *)reply.msg)->address);
    rpc_client_free(dir);
    return status;
}

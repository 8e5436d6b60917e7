#include "cli/commands.h"
#include "rpc/control_methods.h"

#include <stdio.h>
#include <sysexits.h>

int cmd_metrics(struct cli *c, int argc, char **argv) {
    if (argc > 2) return cli_usage(cli_current(), "too many arguments");
    if (!cli_instance(c, argc > 1 ? argv[1] : NULL)) return EX_NOINPUT;
    struct rpc_client *control = cli_connect(c, &control_service);
    if (control == NULL) return EX_UNAVAILABLE;
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(control, CONTROL_METRICS, &empty.base, STR_EMPTY, &reply, "");
    if (rc == 0) (void)fputs(((const Control__Metrics *)(const void *)reply.msg)->text, stdout);
    rpc_client_free(control);
    return cli_exit_status(rc);
}

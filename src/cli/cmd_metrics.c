#include "cli/commands.h"
#include "cli/hosts.h"
#include "rpc/control_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static int own_metrics(struct cli *c) {
    struct rpc_client *control = cli_connect(c, &control_service);
    if (control == NULL) return EX_UNAVAILABLE;
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(control, CONTROL_METRICS, &empty.base, STR_EMPTY, &reply, "");
    if (rc == 0) (void)fputs(((const Control__Metrics *)(const void *)reply.msg)->text, stdout);
    rpc_client_free(control);
    return cli_exit_status(rc);
}

int cmd_metrics(struct cli *c, int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--host") == 0) {
        RPC_REPLY_AUTO reply = {0};
        if (!cli_instance(c, NULL)) return EX_NOINPUT;
        int status = hosts_do(c, REMOTE_METRICS, &(struct host_ask){.host = argv[2]}, &reply);
        if (status == EX_OK) (void)fputs(((const Remote__Metrics *)(const void *)reply.msg)->text, stdout);
        return status;
    }
    if (argc > 2) return cli_usage(cli_current(), "too many arguments");
    if (!cli_instance(c, argc > 1 ? argv[1] : NULL)) return EX_NOINPUT;
    return own_metrics(c);
}

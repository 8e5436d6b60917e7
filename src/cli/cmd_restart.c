#include "cli/commands.h"
#include "cli/running.h"
#include "rpc/control_methods.h"

#include <stdio.h>
#include <sysexits.h>

int cmd_restart(struct cli *c, int argc, char **argv) {
    if (argc > 2) return cli_usage(cli_current(), "too many arguments");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    if (argc == 1) {
        int status = running_stop(c);
        return status == EX_OK ? running_start(c->instance) : status;
    }
    struct rpc_client *control = cli_connect(c, &control_service);
    if (control == NULL) return EX_UNAVAILABLE;
    Control__ModuleAction action = CONTROL__MODULE_ACTION__INIT;
    static char restart[] = "restart";
    action.module = argv[1];
    action.verb = restart;
    int rc = cli_call(control, CONTROL_MODULE_ACTION, &action.base, STR_EMPTY, NULL, "");
    if (rc == 0) printf("%s is ready again\n", argv[1]);
    return cli_exit_status(rc);
}

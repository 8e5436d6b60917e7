#include "cli/commands.h"
#include "cli/module.h"
#include "cli/running.h"

#include <sysexits.h>

int cmd_restart(struct cli *c, int argc, char **argv) {
    if (argc > 2) return cli_usage(cli_current(), "too many arguments");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    if (argc == 1) {
        int status = running_stop(c);
        return status == EX_OK ? running_start(c->instance) : status;
    }
    return module_action(c, argv[1], "restart");
}

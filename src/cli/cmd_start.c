#include "cli/commands.h"
#include "cli/running.h"

#include <sysexits.h>

int cmd_start(struct cli *c, int argc, char **argv) {
    if (argc > 2) return cli_usage(cli_current(), "too many arguments");
    if (!cli_instance(c, argc > 1 ? argv[1] : NULL)) return EX_NOINPUT;
    return running_start(c->instance);
}

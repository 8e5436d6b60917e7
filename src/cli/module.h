#ifndef IEMS_CLI_MODULE_H
#define IEMS_CLI_MODULE_H

#include "cli/cli.h"

/* start, stop or restart of "MODULE", "MODULE@HOST", "all" or "all@HOST". Tells how it went; an exit status. */
int module_action(struct cli *c, const char *target, const char *verb);

#endif

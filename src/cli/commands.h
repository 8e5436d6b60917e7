/* Every command's entry point, for the table in commands.c. */
#ifndef IEMS_CLI_COMMANDS_H
#define IEMS_CLI_COMMANDS_H

#include "cli/cli.h"

#endif

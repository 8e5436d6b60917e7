/* The options of the instance, for commands that need them. */
#ifndef IEMS_CLI_SETTINGS_H
#define IEMS_CLI_SETTINGS_H

#include "cli/cli.h"
#include "daemon/settings.h"

/* Layers of iems.conf and, while the instance runs, of the directory. NULL: told what is wrong. settings_free. */
struct settings *cli_settings(struct cli *c);

#endif

/* The options of the instance, for commands that need them. */
#ifndef IEMS_CLI_SETTINGS_H
#define IEMS_CLI_SETTINGS_H

#include "cli/cli.h"
#include "daemon/settings.h"
#include "net/resolver.h"

/* Layers of iems.conf and, while the instance runs, of the directory. NULL: told what is wrong. settings_free. */
struct settings *cli_settings(struct cli *c);
/* A resolver with `own` name servers, or if that is "" those of server.dns_servers; the rest as in `more`. */
NODISCARD int cli_resolver(const struct settings *s, const char *own, const struct resolver_config *more,
                           struct resolver **out, struct error *err);

#endif

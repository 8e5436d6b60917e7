/* Asking other hosts of the organisation, through iems-remote of this one (docs/admin/remote.md). */
#ifndef IEMS_CLI_HOSTS_H
#define IEMS_CLI_HOSTS_H

#include "cli/cli.h"
#include "rpc/remote_methods.h"

struct host_ask {
    const char *host, *module, *verb; /* NULL = "" */
};

/* NULL: it was told that remote control does not run here. */
struct rpc_client *hosts_connect(struct cli *c);
/* The user who runs the command is named to the other host. Tells nothing; the error names the host. */
NODISCARD int hosts_ask(struct rpc_client *remote, uint16_t method, const struct host_ask *what,
                        struct rpc_reply *reply, struct error *err);
/* Connects, asks, prints the error. Returns an exit status. */
int hosts_do(struct cli *c, uint16_t method, const struct host_ask *what, struct rpc_reply *reply);
/* `iems status --all-hosts` (RESP-08, RESP-11). */
int hosts_overview(struct cli *c, bool json);

#endif

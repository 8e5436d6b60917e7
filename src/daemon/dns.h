/* The resolver of a module, as the options of the server say. */
#ifndef IEMS_DAEMON_DNS_H
#define IEMS_DAEMON_DNS_H

#include "daemon/daemon.h"
#include "net/resolver.h"

/* To be called in `prepare`. `own`: the module's option of name servers, which goes before server.dns_servers, or NULL.
 */
NODISCARD int daemon_resolver(const struct daemon *d, const char *own, uint64_t timeout_ms, struct resolver **out,
                              struct error *err);
/* The same with all other settings of a resolver; its servers are those of the options. */
NODISCARD int daemon_resolver_with(const struct daemon *d, const char *own, const struct resolver_config *more,
                                   struct resolver **out, struct error *err);

#endif

/* The directory that hosts share, for the commands `iems directory invite|status|follow|promote|expel` and for `init
 * --join`. */
#ifndef IEMS_CLI_DIRECTORY_SHARING_H
#define IEMS_CLI_DIRECTORY_SHARING_H

#include "cli/cli.h"
#include "daemon/config.h"
#include "directory/replicas.h"

struct sharing {
    const char *instance;
    struct instance_config *config;
    struct replication self; /* shared = false: no other host has this directory yet */
    struct replicas hosts;
    LDAP *ld; /* our own slapd, as its agent */
};
/* Of the running instance. Prints what is wrong; exit status. sharing_close is due in any case. */
NODISCARD int sharing_open(struct cli *c, struct sharing *s);
void sharing_close(struct sharing *s);
NODISCARD int sharing_reload(struct sharing *s, struct error *err); /* self and hosts anew, after a restart of slapd */
/* The host that takes changes, by the entries; NULL = unknown. */
const struct replica_entry *sharing_provider(const struct sharing *s);

/* Where others reach the slapd of an instance, and its certificate; makes directory/host.pem if there is none. */
NODISCARD int sharing_describe(const char *dir, const char *hostname, unsigned port_base, struct replica_entry *out,
                               struct error *err);
/* slapd and iems-dir begin anew with what is configured now. Prints what is wrong; ERR_ code. */
NODISCARD int sharing_restart(struct cli *c);
/* Connects to another host with the secret of this one. */
NODISCARD int sharing_connect(const struct sharing *s, const char *uri, LDAP **out, struct error *err);

/* `iems init --join`: the file is read before anything is made; then, in the new instance with its folders, this host
 * logs in at the provider, takes a secret of its own and tells where it is. */
struct join {
    struct replication file;
    char certificate[REPLICA_CERTIFICATE_MAX]; /* of the provider, PEM */
};
NODISCARD int join_read(const char *path, struct join *out, struct error *err);
NODISCARD int join_do(const struct join *j, const char *dir, unsigned port_base, struct error *err);

#endif

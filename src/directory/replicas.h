/* The hosts that share a directory, as entries below cn=replicas,o=iems, and how far each copy is. Blocks: for the
 * command line. */
#ifndef IEMS_DIRECTORY_REPLICAS_H
#define IEMS_DIRECTORY_REPLICAS_H

#include "directory/replication.h"

enum { REPLICAS_MAX = 256, REPLICA_CERTIFICATE_MAX = 4096, CSN_MAX = 128 };

struct replica_entry {
    char name[REPLICATION_NAME_MAX];
    char uri[REPLICATION_NAME_MAX];            /* "" = invited, has not joined yet */
    char certificate[REPLICA_CERTIFICATE_MAX]; /* base64 of DER */
    bool provider;
};
struct replicas {
    struct replica_entry *list; /* by name */
    size_t count;
};
NODISCARD int replicas_read(LDAP *ld, struct replicas *out, struct error *err);
void replicas_done(struct replicas *r);
const struct replica_entry *replicas_find(const struct replicas *r, const char *name); /* NULL = none */

/* Makes the entry, and the one above it; gives it the secret, also when it is there already. */
NODISCARD int replica_invite(LDAP *ld, const char *name, const char *secret, struct error *err);
NODISCARD int replica_set_secret(LDAP *ld, const char *name, const char *secret, struct error *err);
/* Where the host is and what it is; all of it is replaced. */
NODISCARD int replica_describe(LDAP *ld, const struct replica_entry *e, struct error *err);
NODISCARD int replica_delete(LDAP *ld, const char *name, struct error *err); /* ERR_NOTFOUND */
/* directory/hosts.pem from the entries, without that of `self`. */
NODISCARD int replicas_trust(const struct replicas *r, const char *dir, const char *self, struct error *err);

/* The last change that a host has, as "20261122064358.163667Z#..."; "" = nothing has come yet (RFC 4533 section 2.2).
 */
NODISCARD int replica_csn(LDAP *ld, char out[static CSN_MAX], struct error *err);
/* Microseconds since 1970 of that; 0 = none. */
int64_t replica_csn_us(const char *csn);
/* Unix time of the last word of the provider, by the monitor of a replica's own slapd; 0 = none since its start. */
int64_t replica_last_contact(LDAP *ld);

#endif

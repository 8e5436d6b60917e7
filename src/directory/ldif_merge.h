/* Brings the entries of an LDIF file into a running directory: new ones are added, others get the attributes of the
 * file, nothing is deleted (LIM-27, DIR-38). Blocks: for the command line. */
#ifndef IEMS_DIRECTORY_LDIF_MERGE_H
#define IEMS_DIRECTORY_LDIF_MERGE_H

#include "directory/ldap_conn.h"

struct ldif_merge {
    bool dry_run;                                                         /* only look what would be done */
    void (*bad)(size_t line, const char *dn, const char *why, void *arg); /* an entry that could not be taken */
    void *arg;
    size_t added, changed, same, failed; /* result */
    uint64_t last_account;               /* numbers up to it were given: an entry that comes back gets a new one */
};
/* ERR_IO: the file or the directory cannot be reached; ERR_INVALID: it is no LDIF. Bad entries are told and counted. */
NODISCARD int ldif_merge(const struct ldap_account *account, const char *path, struct ldif_merge *m, struct error *err);

#endif

/* Whether answers can be validated: the root key of the system, and name servers that pass signatures on. With those
 * that strip them every domain would look forged. */
#ifndef IEMS_TRANSPORT_DNSSEC_H
#define IEMS_TRANSPORT_DNSSEC_H

#include "net/resolver.h"

/* A file with the key of the root zone as Debian and unbound-anchor keep it; NULL = there is none. */
const char *dnssec_root_key(void);
/* Asks the name servers of a validating resolver; in a fiber. `*works`: answers are validated; `reason` says why not.
 * ERR_CANCELLED, ERR_NOMEM. */
NODISCARD int dnssec_probe(struct resolver *validating, bool *works, const char **reason);

#endif

/* Which mail exchangers of a domain are tried: RFC 5321 section 5.1, RFC 7505 (null MX); never this host itself. Pure.
 */
#ifndef IEMS_SMTPC_MX_H
#define IEMS_SMTPC_MX_H

#include "net/resolver.h"

enum mx_verdict {
    MX_TRY,  /* those that are left, in their order */
    MX_NULL, /* the domain takes no mail */
    MX_SELF, /* the best is this host: mail would go in a circle */
};

/* `mx`: sorted by preference. Shortens the list: from this host's own preference on, nothing is tried. */
enum mx_verdict mx_choose(const struct dns_mx *mx, size_t *count, struct str self);

#endif

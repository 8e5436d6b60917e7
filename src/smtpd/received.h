/* The Received field: RFC 5321 section 4.4, "with" keywords of RFC 3848 and RFC 6531 section 4.3 (SMTPD-19). */
#ifndef IEMS_SMTPD_RECEIVED_H
#define IEMS_SMTPD_RECEIVED_H

#include "net/address.h"

#include "base/buf.h"

enum { RECEIVED_MAX = 2048 };

struct received {
    const char *helo;
    const char *name; /* of the client in DNS, confirmed; NULL or "" = not known */
    const struct net_addr *peer;
    const char *hostname;
    bool lmtp, extended, tls, authenticated, utf8;
    const char *tls_version, *tls_cipher;
    int tls_bits;
    const char *id;
    const char *recipient; /* NULL: several, none is named */
    bool has_priority;     /* RFC 6710 section 7 */
    int priority;
    int64_t at; /* seconds since 1970 */
};

void received_format(struct buf *out, const struct received *r);
/* "ESMTPSA" and the like. */
void received_with(struct buf *out, const struct received *r);

#endif

/* Self-signed certificates with a new key, ECDSA P-256: for a new instance (SWEB-03), for the control key of a host. */
#ifndef IEMS_NET_TLS_MAKE_H
#define IEMS_NET_TLS_MAKE_H

#include "base/buf.h"

enum {
    TLS_MAKE_SERVER_DAYS = 825, /* what clients of today take at most */
    TLS_MAKE_PEM_MAX = 16 * 1024,
};

/* Certificate and key as PEM, appended. `loopback`: also for localhost, 127.0.0.1 and ::1. */
NODISCARD int tls_make_certificate(const char *hostname, bool loopback, unsigned days, struct buf *pem,
                                   struct error *err);

#endif

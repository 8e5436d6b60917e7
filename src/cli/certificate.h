/* A self-signed certificate for a new instance (SWEB-03): ECDSA P-256, the host's name and its domain in the SAN. */
#ifndef IEMS_CLI_CERTIFICATE_H
#define IEMS_CLI_CERTIFICATE_H

#include "base/buf.h"

enum { CERTIFICATE_DAYS = 825, CERTIFICATE_DAYS_BETWEEN_HOSTS = 36500, CERTIFICATE_PEM_MAX = 16 * 1024 };

/* Certificate and key as PEM, good for `days`. `loopback`: also for localhost, 127.0.0.1 and ::1. */
NODISCARD int certificate_make(const char *hostname, bool loopback, unsigned days, struct buf *pem, struct error *err);

#endif

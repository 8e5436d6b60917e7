/* SASL PLAIN (RFC 4616): [authzid] NUL authcid NUL passwd, UTF-8. */
#ifndef IEMS_PROTO_SASL_PLAIN_H
#define IEMS_PROTO_SASL_PLAIN_H

#include "base/str.h"

enum { SASL_NAME_MAX = 1024, SASL_PASSWORD_MAX = 1024 };

/* Views into `message`. ERR_INVALID, ERR_LIMIT. */
NODISCARD int sasl_plain_parse(struct str message, struct str *authzid, struct str *authcid, struct str *password);

#endif

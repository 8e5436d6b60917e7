/* saslname (RFC 5801 section 4, RFC 5802 section 5.1): a user's name as it stands between commas. */
#ifndef IEMS_PROTO_SASL_NAME_H
#define IEMS_PROTO_SASL_NAME_H

#include "base/buf.h"

/* "=2C" is a comma, "=3D" an equals sign, no other "=". ERR_INVALID, or the error of `out`. */
NODISCARD int sasl_name_decode(struct str s, struct buf *out);

#endif

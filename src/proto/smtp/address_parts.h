/* The two halves of an address, for address.c alone. */
#ifndef IEMS_PROTO_SMTP_ADDRESS_PARTS_H
#define IEMS_PROTO_SMTP_ADDRESS_PARTS_H

#include "base/buf.h"

/* Take a Local-part, or a Domain or address literal, off the front of `*rest` and append its normal form to `out`
 * (whose overflow the caller checks). ERR_INVALID, ERR_LIMIT. */
NODISCARD int address_take_local(struct str *rest, bool utf8, struct buf *out, struct error *err);
NODISCARD int address_take_domain(struct str *rest, bool utf8, struct buf *out, struct error *err);

#endif

/* Delivery status parameters: RFC 3461 (xtext in section 4, NOTIFY, ORCPT), RFC 6533 for UTF-8. */
#ifndef IEMS_PROTO_SMTP_DSN_H
#define IEMS_PROTO_SMTP_DSN_H

#include "base/buf.h"

/* The same bits as Notify in store.proto. */
enum dsn_notify { DSN_NOTIFY_NEVER = 1, DSN_NOTIFY_SUCCESS = 2, DSN_NOTIFY_FAILURE = 4, DSN_NOTIFY_DELAY = 8 };

bool dsn_xtext_check(struct str s);
void dsn_xtext_encode(struct buf *out, struct str s);
/* ERR_INVALID leaves `out` as it was. */
NODISCARD int dsn_xtext_decode(struct buf *out, struct str s);

/* utf-8-addr-xtext of RFC 6533 section 3, which is in 7 bits: "\x{3B1}". `coded`: what is ASCII in `s` is in that form
 * already, as in an ORCPT. */
void dsn_unitext_encode(struct buf *out, struct str s, bool coded);
/* Back to UTF-8. ERR_INVALID leaves `out` as it was. */
NODISCARD int dsn_unitext_decode(struct buf *out, struct str s);

/* "NEVER", or "SUCCESS,FAILURE,DELAY" in any order. ERR_INVALID. */
NODISCARD int dsn_notify_parse(struct str s, unsigned *notify);
void dsn_notify_format(struct buf *out, unsigned notify);

/* "rfc822;xtext" or "utf-8;text" into type and address (still encoded). ERR_INVALID. */
NODISCARD int dsn_orcpt_split(struct str s, struct str *type, struct str *address);

#endif

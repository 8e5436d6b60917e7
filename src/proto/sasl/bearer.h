/* Messages of OAUTHBEARER (RFC 7628 section 3.1) and of XOAUTH2, its predecessor: a user's name and a token. */
#ifndef IEMS_PROTO_SASL_BEARER_H
#define IEMS_PROTO_SASL_BEARER_H

#include "base/buf.h"

enum { BEARER_MESSAGE_MAX = 12 * 1024, BEARER_NAME_MAX = 1024 };

struct bearer {
    struct buf name;  /* as the client says it is; may be empty with OAUTHBEARER */
    struct str token; /* view into the message */
};
void bearer_init(struct bearer *b);
void bearer_done(struct bearer *b);

/* ERR_INVALID: malformed; ERR_UNSUPPORTED: wants channel binding; ERR_LIMIT. */
NODISCARD int bearer_parse(struct str message, struct bearer *out);
NODISCARD int xoauth2_parse(struct str message, struct bearer *out);

/* What a client gets whose token is refused, before it is told so: JSON (RFC 7628 section 3.2.2). `scope` and `issuer`
 * go in where they are not empty and hold nothing that JSON must quote. */
void bearer_refusal(struct str scope, struct str issuer, struct buf *out);
void xoauth2_refusal(struct str scope, struct buf *out);

#endif

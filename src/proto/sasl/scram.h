/* Server side of SCRAM-SHA-256 and SCRAM-SHA-1, each with -PLUS (RFC 5802, RFC 7677; channel bindings RFC 5929, RFC
 * 9266). Messages in, messages out; three steps in this order: client_first, server_first, client_final. Written here
 * because libgsasl knows neither tls-server-end-point nor stored keys whose salt is made up for users that do not
 * exist. */
#ifndef IEMS_PROTO_SASL_SCRAM_H
#define IEMS_PROTO_SASL_SCRAM_H

#include "proto/sasl/scram_keys.h"

enum { SCRAM_MESSAGE_MAX = 4096, SCRAM_NONCE_MAX = 256 };

struct scram {
    bool plus;             /* mechanism -PLUS */
    bool plus_offered;     /* -PLUS was announced: a client that says "y" has been lied to */
    struct buf header;     /* gs2-header */
    struct buf first_bare; /* client-first-message-bare */
    struct buf first;      /* server-first-message */
    struct buf name, authzid, nonce, binding_type;
};
void scram_init(struct scram *s, bool plus, bool plus_offered);
void scram_done(struct scram *s);

/* ERR_INVALID: malformed; ERR_UNSUPPORTED: an extension that must be understood; ERR_DENIED: wrong channel-binding
 * flag. */
NODISCARD int scram_client_first(struct scram *s, struct str message);
/* `server_nonce`: printable, without comma. Appends the message to `out`. */
NODISCARD int scram_server_first(struct scram *s, const struct scram_keys *keys, struct str server_nonce,
                                 struct buf *out);
struct scram_bindings {
    struct str exporter, end_point; /* of the TLS connection; empty = not there */
};
/* Appends the server-final message to `out`. ERR_DENIED: wrong password or binding; ERR_INVALID: malformed. */
NODISCARD int scram_client_final(struct scram *s, const struct scram_keys *keys, const struct scram_bindings *bindings,
                                 struct str message, struct buf *out);

#endif

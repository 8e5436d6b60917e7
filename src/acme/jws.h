/* Signed requests of ACME (RFC 8555 section 6.2): JWS in flattened JSON, ES256 (RFC 7515, RFC 7518 section 3.4). */
#ifndef IEMS_ACME_JWS_H
#define IEMS_ACME_JWS_H

#include "base/buf.h"

#include <openssl/evp.h>

enum { JWS_MAX = 64 * 1024, JWS_THUMBPRINT_LEN = 43 };

void base64url_encode(struct buf *out, struct str in); /* RFC 7515 appendix C: without padding */
/* `kid` empty: the key itself goes along instead. `payload` empty: POST-as-GET (RFC 8555 section 6.3). */
NODISCARD int jws_make(EVP_PKEY *key, struct str kid, struct str nonce, struct str url, struct str payload,
                       struct buf *out);
/* RFC 7638, of a P-256 key. */
NODISCARD int jws_thumbprint(EVP_PKEY *key, struct buf *out);

#endif

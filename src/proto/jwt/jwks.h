/* A set of public keys (JWK, RFC 7517) and signatures verified with them (RFC 7518 sections 3.3 and 3.4): RSA of 2048
 * to 8192 bits, P-256. Keys of other kinds, or for other uses, are passed over. */
#ifndef IEMS_PROTO_JWT_JWKS_H
#define IEMS_PROTO_JWT_JWKS_H

#include "proto/jwt/jwt.h"

enum { JWKS_MAX = 256 * 1024, JWKS_KEYS_MAX = 64 };

struct jwks;

/* ERR_INVALID: no such set, or without a key that could be used; ERR_NOMEM. */
NODISCARD int jwks_parse(struct str text, struct jwks **out, struct error *err);
void jwks_free(struct jwks *k); /* NULL is fine */
size_t jwks_count(const struct jwks *k);

/* ERR_DENIED: no key of the set made this signature. */
NODISCARD int jwks_verify(const struct jwks *k, const struct jwt *t);

#endif

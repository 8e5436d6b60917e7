/* Whom logins without a password of ours are taken from: the keys of an issuer of tokens, and the authority of clients'
 * certificates. Both are files in DIR/auth, read again when they change. */
#ifndef IEMS_DIR_TRUST_H
#define IEMS_DIR_TRUST_H

#include "dir/dir.h"
#include "proto/jwt/jwks.h"

#include <openssl/x509.h>

struct trust;
struct trust *trust_new(void);

/* The needs of mechanisms (proto/sasl/mechanism.h) that the options meet: SASL_TOKENS, SASL_CERTIFICATE, SASL_SHA1. */
unsigned trust_needs(const struct dir *d);
/* Options changed: files are looked at again at once. */
void trust_forget(struct trust *t);

/* NULL when they cannot be had, which is logged. Lent until the fiber waits. Waits itself. */
const struct jwks *trust_keys(struct dir *d);
X509_STORE *trust_authority(struct dir *d);

#endif

/* A certificate with its chain and key, as it stands in a PEM file; or two of them, one for each kind of key (ECDSA and
 * RSA), of which the handshake takes what the client can do. */
#ifndef IEMS_NET_TLS_IDENTITY_H
#define IEMS_NET_TLS_IDENTITY_H

#include "base/buf.h"

struct tls_identity;

enum { TLS_PEM_MAX = 96 * 1024, TLS_ISSUER_MAX = 200, TLS_KINDS_MAX = 32, TLS_DIGESTS_MAX = 130 };

/* Each certificate for which there is a key, with those that follow it as its chain; keys anywhere. ERR_INVALID with a
 * reason: "key does not match certificate". */
NODISCARD int tls_identity_new(struct str pem, struct tls_identity **out, struct error *err);
void tls_identity_free(struct tls_identity *id); /* gives one reference back; NULL is fine */

struct tls_identity_info {
    int64_t not_before, not_after; /* wall seconds; of two certificates the narrower span */
    bool self_signed;
    char kinds[TLS_KINDS_MAX]; /* "ECDSA RSA" */
    char issuer[TLS_ISSUER_MAX];
    char digests[TLS_DIGESTS_MAX]; /* SHA-256 of the public keys in hex, in that order: for TLSA 3 1 1 (RFC 7672) */
};
void tls_identity_describe(const struct tls_identity *id, struct tls_identity_info *out);
/* The names of the first certificate (subjectAltName), separated by blanks. */
void tls_identity_names(const struct tls_identity *id, struct buf *out);
/* Whether every certificate is good for `name`; "*.domain" means such a name in the certificate. */
bool tls_identity_covers(const struct tls_identity *id, struct str name);

#endif

/* Keys and what is signed with them: requests for certificates (RFC 2986), proofs for tls-alpn-01 (RFC 8737 section 3).
 */
#ifndef IEMS_ACME_KEYS_H
#define IEMS_ACME_KEYS_H

#include "base/buf.h"

#include <openssl/evp.h>

enum acme_kind { ACME_ECDSA, ACME_RSA };

enum { ACME_KEY_MAX = 8192, ACME_CSR_MAX = 16384 };

/* NULL: OpenSSL failed. */
EVP_PKEY *acme_key_new(enum acme_kind kind);
EVP_PKEY *acme_key_read(struct str pem);
NODISCARD int acme_key_write(EVP_PKEY *key, struct buf *pem);
/* DER, for one name. */
NODISCARD int acme_csr_make(EVP_PKEY *key, const char *name, struct buf *der);
/* Certificate and key in PEM. */
NODISCARD int acme_proof_make(const char *name, struct str key_authorization, struct buf *pem);

#endif

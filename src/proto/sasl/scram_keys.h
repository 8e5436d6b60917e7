/* What a server keeps for SCRAM (RFC 5802 section 3, RFC 7677) and its text form (RFC 5803):
 * "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>", base64; the same with SCRAM-SHA-1. */
#ifndef IEMS_PROTO_SASL_SCRAM_KEYS_H
#define IEMS_PROTO_SASL_SCRAM_KEYS_H

#include "base/buf.h"

enum scram_hash { SCRAM_SHA256, SCRAM_SHA1, SCRAM_HASHES };

enum {
    SCRAM_KEY_MAX = 32,
    SCRAM_SALT_MAX = 64,
    SCRAM_ITERATIONS_MIN = 4096, /* RFC 7677 section 4 */
    SCRAM_ITERATIONS_MAX = 1000000,
    SCRAM_TEXT_MAX = 320,
};

struct scram_keys {
    enum scram_hash hash;
    uint32_t iterations;
    uint16_t salt_len;
    unsigned char salt[SCRAM_SALT_MAX];
    unsigned char stored[SCRAM_KEY_MAX], server[SCRAM_KEY_MAX]; /* scram_key_len(hash) bytes of them */
};

size_t scram_key_len(enum scram_hash hash); /* of keys, proofs and signatures */
/* From a password that went through SASLprep. Takes milliseconds: not for the event loop. ERR_INVALID, ERR_NOMEM. */
NODISCARD int scram_keys_derive(enum scram_hash hash, struct str password, struct str salt, uint32_t iterations,
                                struct scram_keys *out);
NODISCARD int scram_keys_parse(enum scram_hash hash, struct str text, struct scram_keys *out); /* ERR_INVALID */
NODISCARD int scram_keys_format(const struct scram_keys *k, struct buf *out);

/* HMAC(key, data) and H(key), with the length of the hash; false when out of memory. */
NODISCARD bool scram_hmac(enum scram_hash hash, const unsigned char *key, struct str data,
                          unsigned char out[static SCRAM_KEY_MAX]);
NODISCARD bool scram_digest(enum scram_hash hash, const unsigned char *key, unsigned char out[static SCRAM_KEY_MAX]);

#endif

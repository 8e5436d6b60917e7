/* What a server keeps for SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677) and its text form (RFC 5803):
 * "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>", base64. */
#ifndef IEMS_PROTO_SASL_SCRAM_KEYS_H
#define IEMS_PROTO_SASL_SCRAM_KEYS_H

#include "base/buf.h"

enum {
    SCRAM_KEY_LEN = 32,
    SCRAM_SALT_MAX = 64,
    SCRAM_ITERATIONS_MIN = 4096, /* RFC 7677 section 4 */
    SCRAM_ITERATIONS_MAX = 1000000,
    SCRAM_TEXT_MAX = 320,
};

struct scram_keys {
    uint32_t iterations;
    uint16_t salt_len;
    unsigned char salt[SCRAM_SALT_MAX];
    unsigned char stored[SCRAM_KEY_LEN], server[SCRAM_KEY_LEN];
};

/* From a password that went through SASLprep. Takes milliseconds: not for the event loop. ERR_INVALID, ERR_NOMEM. */
NODISCARD int scram_keys_derive(struct str password, struct str salt, uint32_t iterations, struct scram_keys *out);
NODISCARD int scram_keys_parse(struct str text, struct scram_keys *out); /* ERR_INVALID */
NODISCARD int scram_keys_format(const struct scram_keys *k, struct buf *out);

#endif

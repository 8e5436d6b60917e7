/* Password hashes: argon2id as PHC strings ("$argon2id$v=19$m=19456,t=2,p=1$salt$hash", RFC 9106), and the SCRAM keys
 * that are kept beside them. Hashing takes tens of milliseconds and 19 MiB: only on worker threads, few at a time. */
#ifndef IEMS_DIR_PASSWORD_H
#define IEMS_DIR_PASSWORD_H

#include "base/buf.h"

enum {
    PASSWORD_MIN = 6,                /* characters (IEMSUSER-02) */
    PASSWORD_MAX = 1024,             /* bytes */
    PASSWORD_MEMORY_KIB = 19 * 1024, /* OWASP: m=19 MiB, t=2, p=1 */
    PASSWORD_PASSES = 2,
    PASSWORD_LANES = 1,
    PASSWORD_SALT_LEN = 16,
    PASSWORD_HASH_LEN = 32,
    PASSWORD_PHC_MAX = 256,
    PASSWORD_TEXT_MAX = 320,
    PASSWORD_SCRAM_ITERATIONS = 10000,
};

struct phc {
    uint32_t memory_kib, passes, lanes;
    unsigned char salt[64], hash[64];
    uint8_t salt_len, hash_len;
};
/* ERR_INVALID: not an argon2id PHC string, or one that would cost more than this server is ready to spend. */
NODISCARD int phc_parse(struct str text, struct phc *out);
NODISCARD int phc_format(const struct phc *p, struct buf *out);
/* Blocks. ERR_DENIED: another password; ERR_NOMEM. The memory goes back to the system at once. */
NODISCARD int phc_verify(const struct phc *p, struct str password);
NODISCARD int phc_make(struct str password, struct phc *out);

/* SASLprep (RFC 4013): equal passwords typed on different systems are equal. What it forbids is taken as it is. */
NODISCARD int password_prepare(struct str password, struct buf *out);
/* ERR_INVALID with the reason: too short, too long, control characters. */
NODISCARD int password_check(struct str password, struct error *err);
/* What is kept of a new password, as texts for the directory: each has PASSWORD_TEXT_MAX. Blocks. */
struct password_texts {
    struct buf phc, scram, scram_sha1;
};
void password_texts_init(struct password_texts *t);
void password_texts_done(struct password_texts *t);
NODISCARD int password_verifiers(struct str password, struct password_texts *out);

#endif

/* Passwords that were verified lately, so that argon2id is paid once per password and not per connection. Holds no
 * password: only HMAC-SHA256(secret of this process, account | password), the verifier that it was right or wrong for,
 * and when. Right and wrong ones have rooms of their own, so that guessing cannot push out who is known. */
#ifndef IEMS_DIR_CREDENTIAL_CACHE_H
#define IEMS_DIR_CREDENTIAL_CACHE_H

#include "base/str.h"

enum {
    CREDENTIALS_RIGHT_SETS = 8192, /* of CREDENTIALS_WAYS each, the least used goes */
    CREDENTIALS_WRONG_SETS = 1024,
    CREDENTIALS_WAYS = 4,
    CREDENTIALS_KEY_LEN = 16,
};

enum credential_state { CREDENTIAL_UNKNOWN, CREDENTIAL_RIGHT, CREDENTIAL_WRONG };

struct credential_cache;
struct credential_cache *credential_cache_new(void);
void credential_cache_free(struct credential_cache *c);

struct credential_key {
    unsigned char bytes[CREDENTIALS_KEY_LEN];
};
/* `account` 0: there is none; then `name` stands for it. */
void credential_key_make(const struct credential_cache *c, uint64_t account, struct str name, struct str password,
                         struct credential_key *out);
/* `verifier`: that of the entry now; what was found out for another one is not known any more. */
enum credential_state credential_cache_get(struct credential_cache *c, const struct credential_key *k,
                                           uint32_t verifier, uint64_t now_ms);
void credential_cache_put(struct credential_cache *c, const struct credential_key *k, uint32_t verifier, bool right,
                          uint64_t now_ms);

#endif

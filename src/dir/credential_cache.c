#include "dir/credential_cache.h"

#include "base/buf.h"
#include "base/encode.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_LEN = 32, DIGEST_LEN = 32, LIFE_MS = 24 * 60 * 60 * 1000, INPUT_MAX = 4096 };

struct slot {
    unsigned char key[CREDENTIALS_KEY_LEN];
    uint32_t verifier;
    uint32_t stamp; /* of use; 0 = free */
    uint64_t since_ms;
};

struct credential_cache {
    unsigned char secret[SECRET_LEN];
    uint32_t clock;
    struct slot *right, *wrong;
};

struct credential_cache *credential_cache_new(void) {
    struct credential_cache *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->right = calloc((size_t)CREDENTIALS_RIGHT_SETS * CREDENTIALS_WAYS, sizeof *c->right);
    c->wrong = calloc((size_t)CREDENTIALS_WRONG_SETS * CREDENTIALS_WAYS, sizeof *c->wrong);
    random_bytes(c->secret, sizeof c->secret);
    if (c->right != NULL && c->wrong != NULL) return c;
    credential_cache_free(c);
    return NULL;
}

void credential_cache_free(struct credential_cache *c) {
    if (c == NULL) return;
    free(c->right);
    free(c->wrong);
    explicit_bzero(c->secret, sizeof c->secret);
    free(c);
}

void credential_key_make(const struct credential_cache *c, uint64_t account, struct str name, struct str password,
                         struct credential_key *out) {
    struct buf input = BUF_INIT(INPUT_MAX);
    unsigned char number[8], digest[DIGEST_LEN];
    be64_put(number, account);
    buf_add(&input, str_of(number, sizeof number));
    if (account == 0) buf_add(&input, name);
    buf_addc(&input, '\0');
    buf_add(&input, password);
    IEMS_ASSERT(input.error == 0); /* names and passwords are bounded by their parsers */
    unsigned char *ok =
        HMAC(EVP_sha256(), c->secret, sizeof c->secret, (const unsigned char *)input.ptr, input.len, digest, NULL);
    IEMS_ASSERT(ok != NULL);
    memcpy(out->bytes, digest, sizeof out->bytes);
    explicit_bzero(digest, sizeof digest);
    buf_wipe(&input);
}

static struct slot *set_of(struct credential_cache *c, bool right, const struct credential_key *k) {
    size_t sets = right ? CREDENTIALS_RIGHT_SETS : CREDENTIALS_WRONG_SETS;
    return (right ? c->right : c->wrong) + (size_t)be32_get(k->bytes) % sets * CREDENTIALS_WAYS;
}

static bool same_key(const struct slot *s, const struct credential_key *k) {
    return s->stamp != 0 && str_eq_secret(str_of(s->key, sizeof s->key), str_of(k->bytes, sizeof k->bytes));
}

static bool known(struct credential_cache *c, bool right, const struct credential_key *k, uint32_t verifier,
                  uint64_t now_ms) {
    struct slot *set = set_of(c, right, k);
    for (int i = 0; i < CREDENTIALS_WAYS; i++) {
        if (!same_key(&set[i], k)) continue;
        if (set[i].verifier != verifier || now_ms - set[i].since_ms > LIFE_MS) return false;
        set[i].stamp = ++c->clock;
        return true;
    }
    return false;
}

enum credential_state credential_cache_get(struct credential_cache *c, const struct credential_key *k,
                                           uint32_t verifier, uint64_t now_ms) {
    if (known(c, true, k, verifier, now_ms)) return CREDENTIAL_RIGHT;
    return known(c, false, k, verifier, now_ms) ? CREDENTIAL_WRONG : CREDENTIAL_UNKNOWN;
}

void credential_cache_put(struct credential_cache *c, const struct credential_key *k, uint32_t verifier, bool right,
                          uint64_t now_ms) {
    struct slot *set = set_of(c, right, k), *to = set;
    for (int i = 0; i < CREDENTIALS_WAYS; i++) {
        if (same_key(&set[i], k)) {
            to = &set[i];
            break;
        }
        if (c->clock - set[i].stamp > c->clock - to->stamp || set[i].stamp == 0) to = &set[i];
    }
    if (++c->clock == 0) c->clock = 1;
    *to = (struct slot){.verifier = verifier, .stamp = c->clock, .since_ms = now_ms};
    memcpy(to->key, k->bytes, sizeof to->key);
}

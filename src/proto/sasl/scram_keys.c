#include "proto/sasl/scram_keys.h"

#include "base/encode.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static const struct {
    const char *name;
    size_t len;
    const EVP_MD *(*md)(void);
} hashes[SCRAM_HASHES] = {
    [SCRAM_SHA256] = {"SCRAM-SHA-256", 32, EVP_sha256},
    [SCRAM_SHA1] = {"SCRAM-SHA-1", 20, EVP_sha1},
};

size_t scram_key_len(enum scram_hash hash) {
    return hashes[hash].len;
}

bool scram_hmac(enum scram_hash hash, const unsigned char *key, struct str data,
                unsigned char out[static SCRAM_KEY_MAX]) {
    unsigned len = SCRAM_KEY_MAX;
    return HMAC(hashes[hash].md(), key, (int)hashes[hash].len, (const unsigned char *)data.ptr, data.len, out, &len) !=
           NULL;
}

bool scram_digest(enum scram_hash hash, const unsigned char *key, unsigned char out[static SCRAM_KEY_MAX]) {
    return EVP_Digest(key, hashes[hash].len, out, NULL, hashes[hash].md(), NULL) == 1;
}

int scram_keys_derive(enum scram_hash hash, struct str password, struct str salt, uint32_t iterations,
                      struct scram_keys *out) {
    if (salt.len == 0 || salt.len > SCRAM_SALT_MAX || iterations == 0 || iterations > SCRAM_ITERATIONS_MAX)
        return ERR_INVALID;
    struct scram_keys k = {.hash = hash, .iterations = iterations, .salt_len = (uint16_t)salt.len};
    memcpy(k.salt, salt.ptr, salt.len);
    unsigned char salted[SCRAM_KEY_MAX], client[SCRAM_KEY_MAX];
    bool ok = PKCS5_PBKDF2_HMAC(password.ptr, (int)password.len, k.salt, k.salt_len, (int)iterations, hashes[hash].md(),
                                (int)hashes[hash].len, salted) == 1 &&
              scram_hmac(hash, salted, STR("Client Key"), client) &&
              scram_hmac(hash, salted, STR("Server Key"), k.server) && scram_digest(hash, client, k.stored);
    explicit_bzero(salted, sizeof salted);
    explicit_bzero(client, sizeof client);
    if (!ok) return ERR_NOMEM;
    *out = k;
    return 0;
}

static int decode(struct str text, unsigned char *out, size_t max, size_t *len) {
    struct buf b = BUF_INIT(SCRAM_SALT_MAX);
    int rc = base64_decode(&b, text);
    if (rc == 0 && (b.error != 0 || b.len == 0 || b.len > max)) rc = ERR_INVALID;
    if (rc == 0) {
        memcpy(out, b.ptr, b.len);
        *len = b.len;
    }
    buf_wipe(&b);
    return rc == 0 ? 0 : ERR_INVALID;
}

int scram_keys_parse(enum scram_hash hash, struct str text, struct scram_keys *out) {
    struct str rest = text;
    if (!str_eq(str_cut(&rest, '$'), str_from(hashes[hash].name))) return ERR_INVALID;
    struct str first = str_cut(&rest, '$');
    struct str iterations = str_cut(&first, ':'), stored = str_cut(&rest, ':');
    struct scram_keys k = {.hash = hash};
    uint64_t n;
    size_t salt_len = 0, stored_len = 0, server_len = 0;
    if (str_to_u64(iterations, SCRAM_ITERATIONS_MAX, &n) != 0 || n == 0 ||
        decode(first, k.salt, sizeof k.salt, &salt_len) != 0 ||
        decode(stored, k.stored, sizeof k.stored, &stored_len) != 0 ||
        decode(rest, k.server, sizeof k.server, &server_len) != 0 || stored_len != hashes[hash].len ||
        server_len != hashes[hash].len) {
        return ERR_INVALID;
    }
    k.iterations = (uint32_t)n;
    k.salt_len = (uint16_t)salt_len;
    *out = k;
    return 0;
}

int scram_keys_format(const struct scram_keys *k, struct buf *out) {
    buf_printf(out, "%s$%u:", hashes[k->hash].name, k->iterations);
    base64_encode(out, str_of(k->salt, k->salt_len));
    buf_addc(out, '$');
    base64_encode(out, str_of(k->stored, hashes[k->hash].len));
    buf_addc(out, ':');
    base64_encode(out, str_of(k->server, hashes[k->hash].len));
    return out->error;
}

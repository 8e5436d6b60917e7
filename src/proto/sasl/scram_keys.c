#include "proto/sasl/scram_keys.h"

#include "base/encode.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static bool hmac(const unsigned char *key, struct str data, unsigned char out[static SCRAM_KEY_LEN]) {
    unsigned len = SCRAM_KEY_LEN;
    return HMAC(EVP_sha256(), key, SCRAM_KEY_LEN, (const unsigned char *)data.ptr, data.len, out, &len) != NULL;
}

int scram_keys_derive(struct str password, struct str salt, uint32_t iterations, struct scram_keys *out) {
    if (salt.len == 0 || salt.len > SCRAM_SALT_MAX || iterations == 0 || iterations > SCRAM_ITERATIONS_MAX)
        return ERR_INVALID;
    struct scram_keys k = {.iterations = iterations, .salt_len = (uint16_t)salt.len};
    memcpy(k.salt, salt.ptr, salt.len);
    unsigned char salted[SCRAM_KEY_LEN], client[SCRAM_KEY_LEN];
    bool ok = PKCS5_PBKDF2_HMAC(password.ptr, (int)password.len, k.salt, k.salt_len, (int)iterations, EVP_sha256(),
                                SCRAM_KEY_LEN, salted) == 1 &&
              hmac(salted, STR("Client Key"), client) && hmac(salted, STR("Server Key"), k.server) &&
              EVP_Digest(client, sizeof client, k.stored, NULL, EVP_sha256(), NULL) == 1;
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

int scram_keys_parse(struct str text, struct scram_keys *out) {
    struct str rest = text;
    if (!str_eq(str_cut(&rest, '$'), STR("SCRAM-SHA-256"))) return ERR_INVALID;
    struct str first = str_cut(&rest, '$');
    struct str iterations = str_cut(&first, ':'), stored = str_cut(&rest, ':');
    struct scram_keys k = {0};
    uint64_t n;
    size_t salt_len = 0, stored_len = 0, server_len = 0;
    if (str_to_u64(iterations, SCRAM_ITERATIONS_MAX, &n) != 0 || n == 0 ||
        decode(first, k.salt, sizeof k.salt, &salt_len) != 0 ||
        decode(stored, k.stored, sizeof k.stored, &stored_len) != 0 ||
        decode(rest, k.server, sizeof k.server, &server_len) != 0 || stored_len != SCRAM_KEY_LEN ||
        server_len != SCRAM_KEY_LEN) {
        return ERR_INVALID;
    }
    k.iterations = (uint32_t)n;
    k.salt_len = (uint16_t)salt_len;
    *out = k;
    return 0;
}

int scram_keys_format(const struct scram_keys *k, struct buf *out) {
    buf_printf(out, "SCRAM-SHA-256$%u:", k->iterations);
    base64_encode(out, str_of(k->salt, k->salt_len));
    buf_addc(out, '$');
    base64_encode(out, str_of(k->stored, SCRAM_KEY_LEN));
    buf_addc(out, ':');
    base64_encode(out, str_of(k->server, SCRAM_KEY_LEN));
    return out->error;
}

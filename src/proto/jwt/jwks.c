#include "proto/jwt/jwks.h"

#include "base/encode.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, RSA_EXPONENT_MAX = 8, COORDINATE = 32, POINT = 1 + 2 * COORDINATE };

struct key {
    EVP_PKEY *key;
    enum jwt_algorithm algorithm;
    char kid[JWT_KID_MAX];
};

struct jwks {
    size_t count;
    struct key keys[JWKS_KEYS_MAX];
};

void jwks_free(struct jwks *k) {
    for (size_t i = 0; k != NULL && i < k->count; i++) EVP_PKEY_free(k->keys[i].key);
    free(k);
}

size_t jwks_count(const struct jwks *k) {
    return k->count;
}

/* ---------------------------------------------------------------- reading */

static EVP_PKEY *from_parameters(const char *type, OSSL_PARAM_BLD *build, bool ok) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *parameters = ok ? OSSL_PARAM_BLD_to_param(build) : NULL;
    if (ctx != NULL && parameters != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)!EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, parameters);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return key;
}

static EVP_PKEY *read_rsa(const json_t *j) {
    BUF_AUTO n = BUF_INIT(RSA_BITS_MAX / 8);
    BUF_AUTO e = BUF_INIT(RSA_EXPONENT_MAX);
    if (base64url_decode(&n, jwt_json_text(j, "n")) != 0 || base64url_decode(&e, jwt_json_text(j, "e")) != 0 ||
        n.len == 0 || e.len == 0)
        return NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn((const unsigned char *)n.ptr, (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn((const unsigned char *)e.ptr, (int)e.len, NULL);
    bool ok = build != NULL && modulus != NULL && exponent != NULL && BN_is_odd(exponent) == 1 &&
              BN_is_one(exponent) == 0 && BN_num_bits(modulus) >= RSA_BITS_MIN &&
              OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
              OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1;
    EVP_PKEY *key = from_parameters("RSA", build, ok);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static EVP_PKEY *read_ec(const json_t *j) {
    static char curve[] = "P-256";
    unsigned char point[POINT] = {POINT_CONVERSION_UNCOMPRESSED};
    BUF_AUTO x = BUF_INIT(COORDINATE);
    BUF_AUTO y = BUF_INIT(COORDINATE);
    if (!str_eq(jwt_json_text(j, "crv"), str_from(curve)) || base64url_decode(&x, jwt_json_text(j, "x")) != 0 ||
        base64url_decode(&y, jwt_json_text(j, "y")) != 0 || x.len != COORDINATE || y.len != COORDINATE)
        return NULL;
    memcpy(point + 1, x.ptr, COORDINATE);
    memcpy(point + 1 + COORDINATE, y.ptr, COORDINATE);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    bool ok = build != NULL && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
              OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1;
    return from_parameters("EC", build, ok);
}

static const struct {
    const char *type, *algorithm;
    enum jwt_algorithm is;
    EVP_PKEY *(*read)(const json_t *j);
} kinds[] = {{"RSA", "RS256", JWT_RS256, read_rsa}, {"EC", "ES256", JWT_ES256, read_ec}};

/* A key for something else, or of a kind that is not known, is no mistake. */
static void add_key(struct jwks *k, const json_t *j) {
    struct str use = jwt_json_text(j, "use"), algorithm = jwt_json_text(j, "alg"), type = jwt_json_text(j, "kty");
    struct key *key = &k->keys[k->count];
    if (k->count == JWKS_KEYS_MAX || (use.len > 0 && !str_eq(use, STR("sig"))) ||
        str_to_cstr(jwt_json_text(j, "kid"), key->kid, sizeof key->kid) != 0)
        return;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!str_eq(type, str_from(kinds[i].type))) continue;
        if (algorithm.len > 0 && !str_eq(algorithm, str_from(kinds[i].algorithm))) continue;
        key->key = kinds[i].read(j);
        key->algorithm = kinds[i].is;
        if (key->key != NULL) k->count++;
        return;
    }
}

int jwks_parse(struct str text, struct jwks **out, struct error *err) {
    json_t *j = jwt_json_load(text, JWKS_MAX);
    struct jwks *k = calloc(1, sizeof *k);
    const json_t *list = json_object_get(j, "keys");
    for (size_t i = 0; k != NULL && i < json_array_size(list); i++) add_key(k, json_array_get(list, i));
    bool good = json_is_array(list);
    json_decref(j);
    if (k != NULL && k->count > 0) {
        *out = k;
        return 0;
    }
    int rc = k == NULL ? error_set(err, ERR_NOMEM, "out of memory")
                       : error_set(err, ERR_INVALID, "%s", good ? "no key for RS256 or ES256" : "not a JSON key set");
    jwks_free(k);
    return rc;
}

/* ---------------------------------------------------------------- signatures */

/* RFC 7518 section 3.4: r and s behind each other; OpenSSL wants them in DER. */
static int to_der(const struct jwt *t, unsigned char **der) {
    ECDSA_SIG *sig = t->signature_len == 2 * (size_t)COORDINATE ? ECDSA_SIG_new() : NULL;
    if (sig == NULL) return 0;
    BIGNUM *r = BN_bin2bn(t->signature, COORDINATE, NULL), *s = BN_bin2bn(t->signature + COORDINATE, COORDINATE, NULL);
    int len = 0;
    if (r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        len = i2d_ECDSA_SIG(sig, der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return len;
}

static bool made_by(EVP_PKEY *key, const struct jwt *t) {
    unsigned char *der = NULL;
    const unsigned char *signature = t->signature;
    size_t len = t->signature_len;
    if (t->algorithm == JWT_ES256) {
        int n = to_der(t, &der);
        if (n <= 0) return false;
        signature = der;
        len = (size_t)n;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(ctx, signature, len, (const unsigned char *)t->signed_part.ptr, t->signed_part.len) == 1;
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    ERR_clear_error();
    return ok;
}

int jwks_verify(const struct jwks *k, const struct jwt *t) {
    for (size_t i = 0; i < k->count; i++) {
        const struct key *key = &k->keys[i];
        bool other = t->kid[0] != '\0' && key->kid[0] != '\0' && strcmp(t->kid, key->kid) != 0;
        if (key->algorithm == t->algorithm && !other && made_by(key->key, t)) return 0;
    }
    return ERR_DENIED;
}

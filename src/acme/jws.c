#include "acme/jws.h"

#include "base/encode.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum { COORDINATE = 32, SHA256_LEN = 32 };

void base64url_encode(struct buf *out, struct str in) {
    size_t from = out->len;
    base64_encode(out, in);
    if (out->error != 0) return;
    for (size_t i = from; i < out->len; i++) {
        if (out->ptr[i] == '+') out->ptr[i] = '-';
        if (out->ptr[i] == '/') out->ptr[i] = '_';
    }
    while (out->len > from && out->ptr[out->len - 1] == '=') buf_truncate(out, out->len - 1);
}

static int coordinate(EVP_PKEY *key, const char *which, struct buf *out) {
    unsigned char bytes[COORDINATE];
    BIGNUM *n = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, which, &n) == 1 && BN_bn2binpad(n, bytes, COORDINATE) == COORDINATE;
    BN_free(n);
    if (ok) base64url_encode(out, str_of(bytes, sizeof bytes));
    ERR_clear_error();
    return ok ? out->error : ERR_INVALID;
}

/* In the order and form that RFC 7638 section 3 wants for the thumbprint. */
static int jwk(EVP_PKEY *key, struct buf *out) {
    buf_adds(out, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
    int rc = coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, out);
    buf_adds(out, "\",\"y\":\"");
    if (rc == 0) rc = coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, out);
    buf_adds(out, "\"}");
    return rc == 0 ? out->error : rc;
}

int jws_thumbprint(EVP_PKEY *key, struct buf *out) {
    BUF_AUTO text = BUF_INIT(1000);
    unsigned char digest[SHA256_LEN];
    int rc = jwk(key, &text);
    if (rc != 0) return rc;
    if (EVP_Digest(text.ptr, text.len, digest, NULL, EVP_sha256(), NULL) != 1) return ERR_NOMEM;
    base64url_encode(out, str_of(digest, sizeof digest));
    return out->error;
}

/* r and s side by side, of full length, instead of DER. */
static bool raw_signature(const unsigned char *der, size_t len, unsigned char out[static 2 * COORDINATE]) {
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool ok = sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, COORDINATE) == COORDINATE &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + COORDINATE, COORDINATE) == COORDINATE;
    ECDSA_SIG_free(sig);
    return ok;
}

static int sign(EVP_PKEY *key, struct str text, struct buf *out) {
    unsigned char der[128], raw[2 * COORDINATE];
    size_t len = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(ctx, der, &len, (const unsigned char *)text.ptr, text.len) == 1 &&
              raw_signature(der, len, raw);
    EVP_MD_CTX_free(ctx);
    if (ok) base64url_encode(out, str_of(raw, sizeof raw));
    ERR_clear_error();
    return ok ? out->error : ERR_NOMEM;
}

/* A JSON text of what came from another host: escaped by the library. */
static void add_text(struct buf *out, const char *key, struct str value) {
    json_t *j = json_stringn(value.ptr, value.len);
    char *text = j == NULL ? NULL : json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
    if (text == NULL && out->error == 0) out->error = ERR_INVALID;
    if (text != NULL) buf_printf(out, ",\"%s\":%s", key, text);
    free(text);
    json_decref(j);
}

static int protected_header(EVP_PKEY *key, struct str kid, struct str nonce, struct str url, struct buf *out) {
    int rc = 0;
    buf_adds(out, "{\"alg\":\"ES256\"");
    if (kid.len > 0) {
        add_text(out, "kid", kid);
    } else {
        buf_adds(out, ",\"jwk\":");
        rc = jwk(key, out);
    }
    add_text(out, "nonce", nonce);
    add_text(out, "url", url);
    buf_addc(out, '}');
    return rc == 0 ? out->error : rc;
}

int jws_make(EVP_PKEY *key, struct str kid, struct str nonce, struct str url, struct str payload, struct buf *out) {
    BUF_AUTO header = BUF_INIT(JWS_MAX), input = BUF_INIT(JWS_MAX);
    int rc = protected_header(key, kid, nonce, url, &header);
    if (rc != 0) return rc;
    base64url_encode(&input, buf_str(&header));
    size_t dot = input.len;
    buf_addc(&input, '.');
    if (payload.len > 0) base64url_encode(&input, payload);
    if (input.error != 0) return input.error;
    struct str all = buf_str(&input);
    buf_printf(out, "{\"protected\":\"%.*s\",\"payload\":\"%.*s\",\"signature\":\"", (int)dot, all.ptr,
               (int)(all.len - dot - 1), all.ptr + dot + 1);
    rc = sign(key, all, out);
    buf_adds(out, "\"}");
    return rc == 0 ? out->error : rc;
}

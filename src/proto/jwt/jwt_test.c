/* JWT and JWK sets: RFC 7515, RFC 7517, RFC 7518 sections 3.3 and 3.4, RFC 7519, RFC 8725 (algorithms). SAUTH-01. Keys
 * and tokens are made here, with OpenSSL as the issuer. */
#include "base/encode.h"
#include "proto/jwt/jwks.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT = 8192 };

static EVP_PKEY *rsa, *ec, *small;

static void url_encode(struct buf *out, struct str in) {
    BUF_AUTO text = BUF_INIT(TEXT);
    base64_encode(&text, in);
    for (size_t i = 0; i < text.len && text.ptr[i] != '='; i++)
        buf_addc(out, text.ptr[i] == '+' ? '-' : text.ptr[i] == '/' ? '_' : text.ptr[i]);
}

static void add_number(EVP_PKEY *key, const char *name, const char *parameter, struct buf *out) {
    BIGNUM *n = NULL;
    unsigned char bytes[1024];
    assert_int_equal(EVP_PKEY_get_bn_param(key, parameter, &n), 1);
    int len = name[0] == 'x' || name[0] == 'y' ? BN_bn2binpad(n, bytes, 32) : BN_bn2bin(n, bytes);
    buf_printf(out, ",\"%s\":\"", name);
    url_encode(out, str_of(bytes, (size_t)len));
    buf_addc(out, '"');
    BN_free(n);
}

static void add_jwk(EVP_PKEY *key, const char *kid, struct buf *out) {
    bool is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    buf_printf(out, "{\"kid\":\"%s\",\"kty\":\"%s\"", kid, is_rsa ? "RSA" : "EC");
    if (is_rsa) {
        add_number(key, "n", OSSL_PKEY_PARAM_RSA_N, out);
        add_number(key, "e", OSSL_PKEY_PARAM_RSA_E, out);
    } else {
        buf_adds(out, ",\"crv\":\"P-256\"");
        add_number(key, "x", OSSL_PKEY_PARAM_EC_PUB_X, out);
        add_number(key, "y", OSSL_PKEY_PARAM_EC_PUB_Y, out);
    }
    buf_addc(out, '}');
}

static struct jwks *make_set(const char *more) {
    BUF_AUTO text = BUF_INIT(TEXT);
    struct jwks *k = NULL;
    struct error err = {0};
    buf_adds(&text, "{\"keys\":[");
    add_jwk(rsa, "r1", &text);
    buf_addc(&text, ',');
    add_jwk(ec, "e1", &text);
    buf_printf(&text, "%s]}", more);
    if (jwks_parse(buf_str(&text), &k, &err) != 0) fail_msg("%s", err.text);
    return k;
}

static void sign(EVP_PKEY *key, struct buf *token) {
    unsigned char der[1024], raw[64];
    size_t len = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, der, &len, (const unsigned char *)token->ptr, token->len), 1);
    EVP_MD_CTX_free(ctx);
    buf_addc(token, '.');
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        url_encode(token, str_of(der, len));
        return;
    }
    const unsigned char *p = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32), 32);
    ECDSA_SIG_free(sig);
    url_encode(token, str_of(raw, sizeof raw));
}

static void make_token(EVP_PKEY *key, const char *header, const char *claims, struct buf *out) {
    buf_clear(out);
    url_encode(out, str_from(header));
    buf_addc(out, '.');
    url_encode(out, str_from(claims));
    sign(key, out);
}

#define GOOD "{\"iss\":\"https://id.example\",\"aud\":\"mail\",\"exp\":2000000000,\"email\":\"a@example.org\"}"

static void test_signatures(void **state) {
    (void)state;
    const struct {
        EVP_PKEY *key;
        const char *header;
        int parse, verify;
    } cases[] = {
        {rsa, "{\"alg\":\"RS256\",\"kid\":\"r1\",\"typ\":\"JWT\"}", 0, 0},
        {ec, "{\"alg\":\"ES256\",\"kid\":\"e1\"}", 0, 0},
        {rsa, "{\"alg\":\"RS256\"}", 0, 0},
        {ec, "{\"alg\":\"ES256\"}", 0, 0},
        {rsa, "{\"alg\":\"RS256\",\"kid\":\"other\"}", 0, ERR_DENIED},
        {ec, "{\"alg\":\"RS256\",\"kid\":\"e1\"}", 0, ERR_DENIED}, /* the key says what it is for, not the token */
        {rsa, "{\"alg\":\"ES256\",\"kid\":\"r1\"}", 0, ERR_DENIED},
        {small, "{\"alg\":\"RS256\"}", 0, ERR_DENIED},
        {rsa, "{\"alg\":\"none\"}", ERR_UNSUPPORTED, 0},
        {rsa, "{\"alg\":\"HS256\"}", ERR_UNSUPPORTED, 0},
        {rsa, "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", ERR_UNSUPPORTED, 0},
        {rsa, "{\"alg\":\"RS256\",\"alg\":\"RS256\"}", ERR_INVALID, 0},
        {rsa, "{}", ERR_UNSUPPORTED, 0},
        {rsa, "[]", ERR_INVALID, 0},
        {rsa, "", ERR_INVALID, 0},
    };
    struct jwks *k = make_set(",{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"},{\"kty\":\"RSA\",\"use\":\"enc\"},7");
    assert_int_equal(jwks_count(k), 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO token = BUF_INIT(TEXT);
        struct jwt t;
        make_token(cases[i].key, cases[i].header, GOOD, &token);
        int rc = jwt_parse(buf_str(&token), STR("email"), STR("mail"), &t);
        if (rc != cases[i].parse) fail_msg("%s: parse %d", cases[i].header, rc);
        if (rc != 0) continue;
        rc = jwks_verify(k, &t);
        if (rc != cases[i].verify) fail_msg("%s: verify %d", cases[i].header, rc);
        assert_string_equal(t.subject, "a@example.org");
        assert_true(t.audience && !t.unverified && t.expires_s == 2000000000 && t.not_before_s == 0);
        t.signature[0] ^= 1;
        assert_int_equal(jwks_verify(k, &t), ERR_DENIED);
        t.signature[0] ^= 1;
        t.signature_len--;
        assert_int_equal(jwks_verify(k, &t), ERR_DENIED);
    }
    jwks_free(k);
}

static void test_claims(void **state) {
    (void)state;
    static const struct {
        const char *claims;
        int rc;
        bool audience, unverified;
    } cases[] = {
        {GOOD, 0, true, false},
        {"{\"iss\":\"i\",\"aud\":[\"x\",7,\"mail\"],\"exp\":1.5e9,\"email\":\"a\",\"email_verified\":false}", 0, true,
         true},
        {"{\"iss\":\"i\",\"aud\":[],\"exp\":1,\"nbf\":1,\"email\":\"a\",\"email_verified\":true}", 0, false, false},
        {"{\"iss\":\"i\",\"exp\":1,\"email\":\"a\"}", 0, false, false},
        {"{\"iss\":\"i\",\"aud\":\"mail\",\"email\":\"a\"}", ERR_INVALID, false, false},
        {"{\"iss\":\"i\",\"aud\":\"mail\",\"exp\":\"1\",\"email\":\"a\"}", ERR_INVALID, false, false},
        {"{\"iss\":\"i\",\"aud\":\"mail\",\"exp\":-1,\"email\":\"a\"}", ERR_INVALID, false, false},
        {"{\"iss\":\"i\",\"aud\":\"mail\",\"exp\":1e300,\"email\":\"a\"}", ERR_INVALID, false, false},
        {"{\"iss\":\"i\",\"aud\":\"mail\",\"exp\":1,\"nbf\":\"x\",\"email\":\"a\"}", ERR_INVALID, false, false},
        {"{\"aud\":\"mail\",\"exp\":1,\"email\":\"a\"}", ERR_INVALID, false, false},
        {"{\"iss\":\"i\",\"aud\":\"mail\",\"exp\":1}", ERR_INVALID, false, false},
        {"{\"iss\":\"i\",\"aud\":\"mail\",\"exp\":1,\"email\":[\"a\"]}", ERR_INVALID, false, false},
        {"{\"iss\":\"i\",\"aud\":\"mail\",\"exp\":1,\"email\":\"a\\nb\"}", ERR_INVALID, false, false},
        {"{\"iss\":\"i\",\"exp\":1,\"email\":\"a\",\"x\":[[[[[[[[]]]]]]]]}", ERR_INVALID, false, false},
        {"{\"iss\":\"i\",\"exp\":1,\"email\":\"a\"} ", 0, false, false},
        {"{\"iss\":\"i\",\"exp\":1,\"email\":\"a\"}x", ERR_INVALID, false, false},
        {"[]", ERR_INVALID, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO token = BUF_INIT(TEXT);
        struct jwt t;
        make_token(ec, "{\"alg\":\"ES256\"}", cases[i].claims, &token);
        int rc = jwt_parse(buf_str(&token), STR("email"), STR("mail"), &t);
        if (rc != cases[i].rc) fail_msg("%s: %d", cases[i].claims, rc);
        if (rc == 0) assert_true(t.audience == cases[i].audience && t.unverified == cases[i].unverified);
    }
}

/* Any prefix, and any byte in another place, is no token or is not signed. */
static void test_damage(void **state) {
    (void)state;
    BUF_AUTO token = BUF_INIT(TEXT);
    struct jwks *k = make_set("");
    struct jwt t;
    make_token(ec, "{\"alg\":\"ES256\"}", GOOD, &token);
    for (size_t n = 0; n < token.len; n++) {
        int rc = jwt_parse(str_sub(buf_str(&token), 0, n), STR("email"), STR("mail"), &t);
        assert_true(rc != 0 || jwks_verify(k, &t) == ERR_DENIED);
    }
    for (size_t n = 0; n < token.len; n++) {
        char before = token.ptr[n];
        token.ptr[n] = before == 'A' ? 'B' : 'A';
        int rc = jwt_parse(buf_str(&token), STR("email"), STR("mail"), &t);
        assert_true(rc != 0 || jwks_verify(k, &t) == ERR_DENIED);
        token.ptr[n] = before;
    }
    static const char *const bad[] = {"", ".", "..", "...", "a.b.c", "e30.e30.AA", "e30=.e30.AA", "e30.e30.AA.AA"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_not_equal(jwt_parse(str_from(bad[i]), STR("email"), STR("mail"), &t), 0);
    jwks_free(k);
}

static void test_sets(void **state) {
    (void)state;
    static const char off_the_curve[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
                                        "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
                                        "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}";
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"keys\":{}}",
        "{\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        off_the_curve,
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct jwks *k = NULL;
        struct error err = {0};
        assert_int_equal(jwks_parse(str_from(bad[i]), &k, &err), ERR_INVALID);
        assert_true(k == NULL && err.text[0] != '\0');
    }
}

int main(void) {
    rsa = EVP_RSA_gen(2048);
    small = EVP_RSA_gen(1024);
    ec = EVP_EC_gen("P-256");
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_signatures), cmocka_unit_test(test_claims),
                                       cmocka_unit_test(test_damage), cmocka_unit_test(test_sets)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(small);
    EVP_PKEY_free(ec);
    return failed;
}

/* RFC 4616 section 4, RFC 5802 sections 5 to 7, RFC 7677 section 3 (its example), RFC 9266. */
#include "base/encode.h"
#include "proto/sasl/bearer.h"
#include "proto/sasl/mechanism.h"
#include "proto/sasl/plain.h"
#include "proto/sasl/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_plain(void **state) {
    (void)state;
    static const struct {
        struct str in;
        const char *authzid, *authcid, *password; /* authcid NULL = refused */
    } cases[] = {
        {STR("\0tim\0tanstaaftanstaaf"), "", "tim", "tanstaaftanstaaf"},
        {STR("Ursel\0Kurt\0xipj3plmq"), "Ursel", "Kurt", "xipj3plmq"},
        {STR("\0tim\0"), NULL, NULL, NULL},
        {STR("\0\0secret"), NULL, NULL, NULL},
        {STR("tim\0secret"), NULL, NULL, NULL},
        {STR("\0tim\0sec\0ret"), NULL, NULL, NULL},
        {STR("\0t\xffm\0secret"), NULL, NULL, NULL},
        {STR(""), NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str z, c, p;
        int rc = sasl_plain_parse(cases[i].in, &z, &c, &p);
        assert_int_equal(rc == 0, cases[i].authcid != NULL);
        if (rc != 0) continue;
        assert_true(str_eq(z, str_from(cases[i].authzid)) && str_eq(c, str_from(cases[i].authcid)) &&
                    str_eq(p, str_from(cases[i].password)));
    }
}

static struct scram_keys pencil(void) {
    BUF_AUTO salt = BUF_INIT(64);
    struct scram_keys k;
    assert_int_equal(base64_decode(&salt, STR("W22ZaJ0SNY7soEsUEjb6gQ==")), 0);
    assert_int_equal(scram_keys_derive(SCRAM_SHA256, STR("pencil"), buf_str(&salt), 4096, &k), 0);
    return k;
}

#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define NONCES       "rOprNGfwEbeRWgbNEkqO" SERVER_NONCE

static void test_rfc7677(void **state) {
    (void)state;
    struct scram_keys k = pencil();
    struct scram s;
    scram_init(&s, false, false);
    assert_int_equal(scram_client_first(&s, STR("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")), 0);
    assert_string_equal(buf_cstr(&s.name), "user");
    BUF_AUTO out = BUF_INIT(1024);
    assert_int_equal(scram_server_first(&s, &k, STR(SERVER_NONCE), &out), 0);
    assert_string_equal(buf_cstr(&out), "r=" NONCES ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    buf_clear(&out);
    struct scram_bindings none = {0};
    static const struct str bad[] = {STR("c=biws,r=" NONCES ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVU="),
                                     STR("c=eSws,r=" NONCES ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
                                     STR("c=biws,r=" NONCES "x,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
                                     STR("c=biws,r=" NONCES ",p=dHzb"),
                                     STR("c=biws,r=" NONCES),
                                     STR("r=" NONCES ",c=biws,p=dHzb"),
                                     STR(""),
                                     STR("c=biws,r=" NONCES ",p=!")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_not_equal(scram_client_final(&s, &k, &none, bad[i], &out), 0);
    }
    assert_int_equal(scram_client_final(&s, &k, &none,
                                        STR("c=biws,r=" NONCES ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
                                        &out),
                     0);
    assert_string_equal(buf_cstr(&out), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    scram_done(&s);
}

static void test_client_first(void **state) {
    (void)state;
    static const struct {
        const char *message;
        bool plus, offered;
        int rc;
    } cases[] = {
        {"n,,n=user,r=abc", false, true, 0},
        {"y,,n=user,r=abc", false, false, 0},
        {"y,,n=user,r=abc", false, true, ERR_DENIED}, /* downgrade: RFC 5802 section 6 */
        {"p=tls-exporter,,n=user,r=abc", true, true, 0},
        {"p=tls-exporter,,n=user,r=abc", false, true, ERR_DENIED},
        {"n,,n=user,r=abc", true, true, ERR_DENIED},
        {"n,a=admin,n=user,r=abc", false, false, 0},
        {"n,admin,n=user,r=abc", false, false, ERR_INVALID},
        {"n,a=,n=user,r=abc", false, false, ERR_INVALID},
        {"n,,m=ext,n=user,r=abc", false, false, ERR_UNSUPPORTED},
        {"n,,n=a=2Cb=3Dc,r=abc", false, false, 0},
        {"n,,n=a=2Db,r=abc", false, false, ERR_INVALID},
        {"n,,n=,r=abc", false, false, ERR_INVALID},
        {"n,,n=user,r=", false, false, ERR_INVALID},
        {"n,,n=user", false, false, ERR_INVALID},
        {"n,,r=abc,n=user", false, false, ERR_INVALID},
        {"x,,n=user,r=abc", false, false, ERR_INVALID},
        {"n,,", false, false, ERR_INVALID},
        {"", false, false, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scram s;
        scram_init(&s, cases[i].plus, cases[i].offered);
        int rc = scram_client_first(&s, str_from(cases[i].message));
        if (rc != cases[i].rc) fail_msg("%s: %d", cases[i].message, rc);
        if (strstr(cases[i].message, "=2C") != NULL) assert_string_equal(buf_cstr(&s.name), "a,b=c");
        scram_done(&s);
    }
}

/* What a client computes, from the password. */
static void client_final(const struct scram *s, struct str bound, struct buf *out) {
    BUF_AUTO raw = BUF_INIT(1024);
    BUF_AUTO auth = BUF_INIT(4096);
    unsigned char salted[32], client[32], stored[32], signature[32];
    struct scram_keys k = pencil();
    buf_add(&raw, buf_str(&s->header));
    buf_add(&raw, bound);
    buf_adds(out, "c=");
    base64_encode(out, buf_str(&raw));
    buf_printf(out, ",r=%s", buf_cstr(&s->nonce));
    buf_printf(&auth, "%s,%s,%s", buf_cstr(&s->first_bare), buf_cstr(&s->first), buf_cstr(out));
    assert_int_equal(PKCS5_PBKDF2_HMAC("pencil", 6, k.salt, k.salt_len, 4096, EVP_sha256(), 32, salted), 1);
    assert_non_null(HMAC(EVP_sha256(), salted, 32, (const unsigned char *)"Client Key", 10, client, NULL));
    assert_int_equal(EVP_Digest(client, 32, stored, NULL, EVP_sha256(), NULL), 1);
    assert_non_null(HMAC(EVP_sha256(), stored, 32, (const unsigned char *)auth.ptr, auth.len, signature, NULL));
    for (size_t i = 0; i < 32; i++) client[i] ^= signature[i];
    buf_adds(out, ",p=");
    base64_encode(out, str_of(client, 32));
}

static void test_channel_binding(void **state) {
    (void)state;
    static const struct {
        const char *type, *bound;
        int rc;
    } cases[] = {{"tls-exporter", "EXPORTED", 0},
                 {"tls-server-end-point", "CERTHASH", 0},
                 {"tls-exporter", "OTHER", ERR_DENIED},
                 {"tls-server-end-point", "EXPORTED", ERR_DENIED},
                 {"tls-unique", "EXPORTED", ERR_DENIED}};
    struct scram_keys k = pencil();
    struct scram_bindings bindings = {STR("EXPORTED"), STR("CERTHASH")}, none = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scram s;
        scram_init(&s, true, true);
        char first[128];
        (void)snprintf(first, sizeof first, "p=%s,,n=user,r=abc", cases[i].type);
        BUF_AUTO out = BUF_INIT(1024);
        BUF_AUTO final = BUF_INIT(1024);
        assert_int_equal(scram_client_first(&s, str_from(first)), 0);
        assert_int_equal(scram_server_first(&s, &k, STR("def"), &out), 0);
        client_final(&s, str_from(cases[i].bound), &final);
        assert_int_equal(scram_client_final(&s, &k, &bindings, buf_str(&final), &out), cases[i].rc);
        assert_int_equal(scram_client_final(&s, &k, &none, buf_str(&final), &out), ERR_DENIED);
        scram_done(&s);
    }
}

static void test_keys_text(void **state) {
    (void)state;
    struct scram_keys k = pencil(), back;
    BUF_AUTO text = BUF_INIT(SCRAM_TEXT_MAX);
    assert_int_equal(scram_keys_format(&k, &text), 0);
    assert_true(str_starts(buf_str(&text), STR("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")));
    assert_int_equal(scram_keys_parse(SCRAM_SHA256, buf_str(&text), &back), 0);
    assert_memory_equal(back.stored, k.stored, scram_key_len(k.hash));
    assert_memory_equal(back.server, k.server, scram_key_len(k.hash));
    for (size_t n = 0; n < text.len; n++)
        assert_int_equal(scram_keys_parse(SCRAM_SHA256, str_sub(buf_str(&text), 0, n), &back), ERR_INVALID);
}

/* RFC 5802 section 5: the example with SCRAM-SHA-1. */
static void test_rfc5802(void **state) {
    (void)state;
    static const char server_nonce[] = "3rfcNHYJY1ZVvWVs7j", nonces[] = "fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j";
    BUF_AUTO salt = BUF_INIT(64);
    BUF_AUTO out = BUF_INIT(1024);
    BUF_AUTO text = BUF_INIT(SCRAM_TEXT_MAX);
    struct scram_keys k, back;
    struct scram_bindings none = {0};
    struct scram s;
    char final[256];
    assert_int_equal(base64_decode(&salt, STR("QSXCR+Q6sek8bf92")), 0);
    assert_int_equal(scram_keys_derive(SCRAM_SHA1, STR("pencil"), buf_str(&salt), 4096, &k), 0);
    scram_init(&s, false, false);
    assert_int_equal(scram_client_first(&s, STR("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL")), 0);
    assert_int_equal(scram_server_first(&s, &k, str_from(server_nonce), &out), 0);
    buf_clear(&out);
    (void)snprintf(final, sizeof final, "c=biws,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Tw=", nonces);
    assert_int_equal(scram_client_final(&s, &k, &none, str_from(final), &out), ERR_DENIED);
    (void)snprintf(final, sizeof final, "c=biws,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", nonces);
    assert_int_equal(scram_client_final(&s, &k, &none, str_from(final), &out), 0);
    assert_string_equal(buf_cstr(&out), "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
    scram_done(&s);
    assert_int_equal(scram_keys_format(&k, &text), 0);
    assert_int_equal(scram_keys_parse(SCRAM_SHA1, buf_str(&text), &back), 0);
    assert_int_equal(scram_keys_parse(SCRAM_SHA256, buf_str(&text), &back), ERR_INVALID);
    assert_memory_equal(back.stored, k.stored, scram_key_len(SCRAM_SHA1));
}

/* RFC 7628 sections 3.1 and 4.1; XOAUTH2 as the large providers document it. SAUTH-01. */
static void test_bearer(void **state) {
    (void)state;
    static const struct {
        struct str in;
        bool old;
        const char *name, *token; /* token NULL: refused */
        int rc;
    } cases[] = {
        {STR("n,a=user@example.com,\1host=server.example.com\1port=143\1auth=Bearer vF9dft4qmT==\1\1"), false,
         "user@example.com", "vF9dft4qmT==", 0},
        {STR("n,,\1auth=bearer a.b-c_d~e+f/g\1\1"), false, "", "a.b-c_d~e+f/g", 0},
        {STR("y,a=a=2Cb=3Dc,\1auth=Bearer x\1\1"), false, "a,b=c", "x", 0},
        {STR("p=tls-exporter,,\1auth=Bearer x\1\1"), false, NULL, NULL, ERR_UNSUPPORTED},
        {STR("n,a=,\1auth=Bearer x\1\1"), false, NULL, NULL, ERR_INVALID},
        {STR("n,b=x,\1auth=Bearer x\1\1"), false, NULL, NULL, ERR_INVALID},
        {STR("n,a=x=41,\1auth=Bearer x\1\1"), false, NULL, NULL, ERR_INVALID},
        {STR("n,,\1auth=Bearer x\1"), false, NULL, NULL, ERR_INVALID},
        {STR("n,,\1auth=Bearer x"), false, NULL, NULL, ERR_INVALID},
        {STR("n,,\1auth=Bearer x\1\1more"), false, NULL, NULL, ERR_INVALID},
        {STR("n,,\1auth=Bearer \1\1"), false, NULL, NULL, ERR_INVALID},
        {STR("n,,\1auth=Bearer x y\1\1"), false, NULL, NULL, ERR_INVALID},
        {STR("n,,\1auth=Basic x\1\1"), false, NULL, NULL, ERR_INVALID},
        {STR("n,,\1auth=Bearer x\1auth=Bearer y\1\1"), false, NULL, NULL, ERR_INVALID},
        {STR("n,,\1=Bearer x\1\1"), false, NULL, NULL, ERR_INVALID},
        {STR("n,,\1\1"), false, NULL, NULL, ERR_INVALID},
        {STR("n,,auth=Bearer x\1\1"), false, NULL, NULL, ERR_INVALID},
        {STR("n\1auth=Bearer x\1\1"), false, NULL, NULL, ERR_INVALID},
        {STR(""), false, NULL, NULL, ERR_INVALID},
        {STR("user=someuser@example.com\1auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\1\1"), true,
         "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg", 0},
        {STR("user=\1auth=Bearer x\1\1"), true, NULL, NULL, ERR_INVALID},
        {STR("user=a\1auth=Bearer x\1"), true, NULL, NULL, ERR_INVALID},
        {STR("user=a\0b\1auth=Bearer x\1\1"), true, NULL, NULL, ERR_INVALID},
        {STR("n,,\1auth=Bearer x\1\1"), true, NULL, NULL, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bearer b;
        bearer_init(&b);
        int rc = cases[i].old ? xoauth2_parse(cases[i].in, &b) : bearer_parse(cases[i].in, &b);
        if (rc != cases[i].rc) fail_msg("case %zu: %d", i, rc);
        if (rc == 0) assert_string_equal(buf_cstr(&b.name), cases[i].name);
        if (rc == 0) assert_true(str_eq(b.token, str_from(cases[i].token)));
        bearer_done(&b);
    }
    BUF_AUTO out = BUF_INIT(1024);
    bearer_refusal(STR("openid email"), STR("https://id.example.com/"), &out);
    assert_string_equal(buf_cstr(&out),
                        "{\"status\":\"invalid_token\",\"scope\":\"openid email\","
                        "\"openid-configuration\":\"https://id.example.com/.well-known/openid-configuration\"}");
    buf_clear(&out);
    bearer_refusal(STR("\""), STR("urn:x"), &out);
    assert_string_equal(buf_cstr(&out), "{\"status\":\"invalid_token\"}");
    buf_clear(&out);
    xoauth2_refusal(STR("mail"), &out);
    assert_string_equal(buf_cstr(&out), "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}");
}

/* SAUTH-01 to SAUTH-03: what is announced when. */
static void test_mechanisms(void **state) {
    (void)state;
    static const struct {
        unsigned have;
        const char *list;
    } cases[] = {
        {0, "SCRAM-SHA-256"},
        {SASL_SHA1, "SCRAM-SHA-256 SCRAM-SHA-1"},
        {SASL_PRIVATE, "SCRAM-SHA-256 PLAIN LOGIN"},
        {SASL_TOKENS, "SCRAM-SHA-256"},
        {SASL_TLS | SASL_PRIVATE | SASL_SHA1,
         "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN LOGIN"},
        {SASL_TLS | SASL_PRIVATE | SASL_CERTIFICATE | SASL_TOKENS,
         "SCRAM-SHA-256-PLUS SCRAM-SHA-256 EXTERNAL OAUTHBEARER XOAUTH2 PLAIN LOGIN"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO out = BUF_INIT(256);
        sasl_mechanisms_list(cases[i].have, &out);
        assert_string_equal(buf_cstr(&out), cases[i].list);
    }
    enum sasl_mechanism m;
    assert_int_equal(sasl_mechanism_find(STR("scram-sha-1-plus"), &m), 0);
    assert_int_equal(m, SASL_SCRAM_SHA1_PLUS);
    assert_int_equal(sasl_mechanism_find(STR("CRAM-MD5"), &m), ERR_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rfc5802),         cmocka_unit_test(test_bearer),
                                       cmocka_unit_test(test_mechanisms),      cmocka_unit_test(test_plain),
                                       cmocka_unit_test(test_rfc7677),         cmocka_unit_test(test_client_first),
                                       cmocka_unit_test(test_channel_binding), cmocka_unit_test(test_keys_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

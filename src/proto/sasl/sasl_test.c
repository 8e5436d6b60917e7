/* RFC 4616 section 4, RFC 5802 sections 5 to 7, RFC 7677 section 3 (its example), RFC 9266. */
#include "base/encode.h"
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
    assert_int_equal(scram_keys_derive(STR("pencil"), buf_str(&salt), 4096, &k), 0);
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
    assert_int_equal(scram_keys_parse(buf_str(&text), &back), 0);
    assert_memory_equal(back.stored, k.stored, SCRAM_KEY_LEN);
    assert_memory_equal(back.server, k.server, SCRAM_KEY_LEN);
    for (size_t n = 0; n < text.len; n++)
        assert_int_equal(scram_keys_parse(str_sub(buf_str(&text), 0, n), &back), ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain), cmocka_unit_test(test_rfc7677),
                                       cmocka_unit_test(test_client_first), cmocka_unit_test(test_channel_binding),
                                       cmocka_unit_test(test_keys_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

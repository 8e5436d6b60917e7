/* Signatures, thumbprints, requests, proofs and state of the ACME client, checked with OpenSSL itself. */
#include "acme/jws.h"
#include "acme/keys.h"
#include "acme/state.h"
#include "base/encode.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_base64url(void **state) {
    (void)state;
    static const struct {
        struct str in;
        const char *out;
    } cases[] = {
        {{"", 0}, ""}, {{"\xff", 1}, "_w"}, {{"\xfb\xff", 2}, "-_8"}, {{"abc", 3}, "YWJj"}, {{"abcd", 4}, "YWJjZA"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = BUF_INIT(100);
        base64url_encode(&out, cases[i].in);
        assert_string_equal(buf_cstr(&out), cases[i].out);
        buf_done(&out);
    }
}

static void unurl(struct str in, struct buf *out) {
    struct buf plain = BUF_INIT(100000);
    buf_add(&plain, in);
    for (size_t i = 0; i < plain.len; i++)
        plain.ptr[i] = plain.ptr[i] == '-' ? '+' : plain.ptr[i] == '_' ? '/' : plain.ptr[i];
    while (plain.len % 4 != 0) buf_addc(&plain, '=');
    assert_int_equal(base64_decode(out, buf_str(&plain)), 0);
    buf_done(&plain);
}

static struct str member(struct str json, const char *key) {
    char find[40];
    (void)snprintf(find, sizeof find, "\"%s\":\"", key);
    ptrdiff_t at = str_find_str(json, str_from(find));
    assert_true(at >= 0);
    struct str rest = str_sub(json, (size_t)at + strlen(find), json.len);
    return str_cut(&rest, '"');
}

/* RFC 7515: the signature is over header and payload as they stand, r and s of 32 bytes. */
static void test_jws(void **state) {
    (void)state;
    EVP_PKEY *key = acme_key_new(ACME_ECDSA);
    struct buf out = BUF_INIT(JWS_MAX), header = BUF_INIT(JWS_MAX), raw = BUF_INIT(1000),
               signed_text = BUF_INIT(JWS_MAX);
    for (int i = 0; i < 8; i++) { /* several, for numbers with a leading zero */
        buf_clear(&out);
        buf_clear(&header);
        buf_clear(&raw);
        buf_clear(&signed_text);
        struct str kid = i % 2 == 0 ? STR("https://ca/acct/\"1\"") : STR_EMPTY;
        assert_int_equal(jws_make(key, kid, STR("nonce"), STR("https://ca/x"), STR("{}"), &out), 0);
        unurl(member(buf_str(&out), "protected"), &header);
        assert_true(str_find_str(buf_str(&header), STR("\"alg\":\"ES256\"")) > 0);
        assert_true(str_find_str(buf_str(&header), STR("\"nonce\":\"nonce\",\"url\":\"https://ca/x\"}")) > 0);
        assert_int_equal(str_find_str(buf_str(&header), STR("\"jwk\"")) >= 0, i % 2 != 0);
        if (i % 2 == 0) assert_true(str_find_str(buf_str(&header), STR("\"kid\":\"https://ca/acct/\\\"1\\\"\"")) > 0);
        unurl(member(buf_str(&out), "signature"), &raw);
        assert_int_equal(raw.len, 64);
        buf_add(&signed_text, member(buf_str(&out), "protected"));
        buf_addc(&signed_text, '.');
        buf_add(&signed_text, member(buf_str(&out), "payload"));
        ECDSA_SIG *sig = ECDSA_SIG_new();
        ECDSA_SIG_set0(sig, BN_bin2bn((unsigned char *)raw.ptr, 32, NULL),
                       BN_bin2bn((unsigned char *)raw.ptr + 32, 32, NULL));
        unsigned char *der = NULL;
        int len = i2d_ECDSA_SIG(sig, &der);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
        assert_int_equal(EVP_DigestVerify(ctx, der, (size_t)len, (unsigned char *)signed_text.ptr, signed_text.len), 1);
        EVP_MD_CTX_free(ctx);
        OPENSSL_free(der);
        ECDSA_SIG_free(sig);
    }
    struct buf print = BUF_INIT(100);
    assert_int_equal(jws_thumbprint(key, &print), 0);
    assert_int_equal(print.len, JWS_THUMBPRINT_LEN);
    struct buf *all[] = {&out, &header, &raw, &signed_text, &print};
    for (size_t i = 0; i < 5; i++) buf_done(all[i]);
    EVP_PKEY_free(key);
}

static void test_request(void **state) {
    (void)state;
    const enum acme_kind kinds[] = {ACME_ECDSA, ACME_RSA};
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = acme_key_new(kinds[i]);
        struct buf der = BUF_INIT(ACME_CSR_MAX);
        assert_int_equal(acme_csr_make(key, "mail.example.test", &der), 0);
        const unsigned char *p = (const unsigned char *)der.ptr;
        X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)der.len);
        assert_non_null(req);
        assert_int_equal(X509_REQ_verify(req, key), 1);
        STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(req);
        GENERAL_NAMES *names = X509V3_get_d2i(list, NID_subject_alt_name, NULL, NULL);
        assert_int_equal(sk_GENERAL_NAME_num(names), 1);
        assert_string_equal(ASN1_STRING_get0_data(sk_GENERAL_NAME_value(names, 0)->d.dNSName), "mail.example.test");
        GENERAL_NAMES_free(names);
        sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
        X509_REQ_free(req);
        EVP_PKEY_free(key);
        buf_done(&der);
    }
}

/* RFC 8737 section 3: one name, a critical acmeIdentifier with the hash of the key authorization. */
static void test_proof(void **state) {
    (void)state;
    struct buf pem = BUF_INIT(ACME_KEY_MAX);
    unsigned char digest[32];
    assert_int_equal(acme_proof_make("mail.example.test", STR("token.thumb"), &pem), 0);
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_non_null(x);
    assert_int_equal(X509_check_host(x, "mail.example.test", 0, 0, NULL), 1);
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    X509_EXTENSION *e = X509_get_ext(x, X509_get_ext_by_OBJ(x, oid, -1));
    assert_non_null(e);
    assert_int_equal(X509_EXTENSION_get_critical(e), 1);
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(e);
    EVP_Digest("token.thumb", 11, digest, NULL, EVP_sha256(), NULL);
    assert_int_equal(ASN1_STRING_length(value), 34);
    assert_memory_equal(ASN1_STRING_get0_data(value), "\x04\x20", 2);
    assert_memory_equal(ASN1_STRING_get0_data(value) + 2, digest, 32);
    ASN1_OBJECT_free(oid);
    X509_free(x);
    BIO_free(bio);
    buf_done(&pem);
}

static void test_state(void **state) {
    (void)state;
    struct acme_state *s = NULL, *again = NULL;
    struct acme_name n;
    struct buf json = BUF_INIT(ACME_STATE_MAX);
    assert_int_equal(acme_state_read(STR("[]"), &s), ERR_CORRUPT);
    assert_int_equal(acme_state_read(STR("{"), &s), ERR_CORRUPT);
    assert_int_equal(acme_state_read(STR_EMPTY, &s), 0);
    assert_int_equal(acme_state_key(s, "https://ca").len, 0);
    acme_state_get(s, "a.test", &n);
    assert_int_equal(n.failures, 0);
    assert_int_equal(acme_state_set_account(s, "https://ca", STR("KEY"), "https://ca/1"), 0);
    n = (struct acme_name){.failures = 2, .next = 5000000000, .last = 7, .problem = "no \"way\"", .warned_days = 3};
    assert_int_equal(acme_state_set(s, "a.test", &n), 0);
    (void)snprintf(n.problem, sizeof n.problem, "\xff\xfe");
    assert_int_equal(acme_state_set(s, "b.test", &n), 0);
    assert_int_equal(acme_state_name_key(s, "a.test", "rsa").len, 0);
    assert_int_equal(acme_state_set_name_key(s, "a.test", "rsa", STR("R")), 0);
    assert_int_equal(acme_state_set_name_key(s, "a.test", "ecdsa", STR("E")), 0);
    assert_int_equal(acme_state_write(s, &json), 0);
    acme_state_free(s);
    assert_int_equal(acme_state_read(buf_str(&json), &again), 0);
    assert_true(str_eq(acme_state_key(again, "https://ca"), STR("KEY")));
    assert_true(str_eq(acme_state_kid(again, "https://ca"), STR("https://ca/1")));
    assert_true(str_eq(acme_state_name_key(again, "a.test", "rsa"), STR("R")));
    assert_true(str_eq(acme_state_name_key(again, "a.test", "ecdsa"), STR("E")));
    acme_state_get(again, "a.test", &n);
    assert_int_equal(n.failures, 2);
    assert_int_equal(n.next, 5000000000);
    assert_int_equal(n.warned_days, 3);
    assert_string_equal(n.problem, "no \"way\"");
    acme_state_get(again, "c.test", &n);
    assert_int_equal(n.failures, 0);
    acme_state_free(again);
    buf_done(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_base64url), cmocka_unit_test(test_jws),
                                       cmocka_unit_test(test_request), cmocka_unit_test(test_proof),
                                       cmocka_unit_test(test_state)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

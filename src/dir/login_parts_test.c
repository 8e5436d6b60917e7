/* ACCT-14 (argon2id, RFC 9106), the cache of verified passwords, the brake on guessing (ACCT-10, DIR-17). */
#include "dir/brake.h"
#include "dir/credential_cache.h"
#include "dir/password.h"
#include "proto/sasl/scram_keys.h"

#include <argon2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_phc(void **state) {
    (void)state;
    /* The oracle is the library's own encoder. */
    char encoded[PASSWORD_PHC_MAX];
    struct phc p;
    assert_int_equal(argon2id_hash_encoded(3, 512, 1, "password", 8, "saltsalt", 8, 24, encoded, sizeof encoded),
                     ARGON2_OK);
    struct str text = str_from(encoded);
    assert_int_equal(phc_parse(text, &p), 0);
    assert_int_equal(phc_verify(&p, STR("password")), 0);
    assert_int_equal(phc_verify(&p, STR("Password")), ERR_DENIED);
    BUF_AUTO back = BUF_INIT(PASSWORD_PHC_MAX);
    assert_int_equal(phc_format(&p, &back), 0);
    assert_true(str_eq(buf_str(&back), text));
    static const char *const bad[] = {
        "",
        "x",
        "$argon2i$v=19$m=256,t=2,p=1$c2FsdHNhbHQ$AAAAAAAAAAAA",
        "$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=256,t=0,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=256,t=2$c2FsdHNhbHQ$AAAAAAAAAAAA",
        "$argon2id$v=19$m=256,t=2,p=1$$",
        "$argon2id$v=19$m=256,t=2,p=1$c2FsdHNhbHQ$!!!!"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(phc_parse(str_from(bad[i]), &p), ERR_INVALID);
}

static void test_verifiers(void **state) {
    (void)state;
    struct password_texts t;
    password_texts_init(&t);
    struct phc p;
    struct scram_keys k;
    assert_int_equal(password_verifiers(STR("geheimn\xc3\xb6s"), &t), 0);
    assert_int_equal(phc_parse(buf_str(&t.phc), &p), 0);
    assert_int_equal(scram_keys_parse(SCRAM_SHA256, buf_str(&t.scram), &k), 0);
    assert_int_equal(scram_keys_parse(SCRAM_SHA1, buf_str(&t.scram_sha1), &k), 0);
    assert_int_equal(scram_keys_parse(SCRAM_SHA1, buf_str(&t.scram), &k), ERR_INVALID);
    password_texts_done(&t);
    BUF_AUTO prepared = BUF_INIT(PASSWORD_MAX);
    assert_int_equal(password_prepare(STR("geheimno\xcc\x88s"), &prepared), 0); /* decomposed: the same password */
    assert_int_equal(phc_verify(&p, buf_str(&prepared)), 0);
}

static void test_password_rules(void **state) {
    (void)state;
    static const struct {
        const char *password;
        bool good;
    } cases[] = {{"123456", true},
                 {"12345", false},
                 {"äöüäö", false},
                 {"äöüäöü", true},
                 {"", false},
                 {"abc\tdef", false},
                 {"abc\xff"
                  "def",
                  false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        assert_int_equal(password_check(str_from(cases[i].password), &err) == 0, cases[i].good);
    }
    struct error err = {0};
    assert_int_equal(password_check(STR("12345"), &err), ERR_INVALID);
    assert_string_equal(err.text, "password is too short: at least 6 characters");
}

static void test_cache(void **state) {
    (void)state;
    struct credential_cache *c = credential_cache_new();
    struct credential_key a, b, other, nobody;
    credential_key_make(c, 1, STR_EMPTY, STR("secret"), &a);
    credential_key_make(c, 1, STR_EMPTY, STR("Secret"), &b);
    credential_key_make(c, 2, STR_EMPTY, STR("secret"), &other);
    credential_key_make(c, 0, STR("x@y"), STR("secret"), &nobody);
    assert_int_equal(credential_cache_get(c, &a, 1, 1000), CREDENTIAL_UNKNOWN);
    credential_cache_put(c, &a, 1, true, 1000);
    credential_cache_put(c, &b, 1, false, 1000);
    assert_int_equal(credential_cache_get(c, &a, 1, 2000), CREDENTIAL_RIGHT);
    assert_int_equal(credential_cache_get(c, &b, 1, 2000), CREDENTIAL_WRONG);
    assert_int_equal(credential_cache_get(c, &other, 1, 2000), CREDENTIAL_UNKNOWN);
    assert_int_equal(credential_cache_get(c, &nobody, 0, 2000), CREDENTIAL_UNKNOWN);
    assert_int_equal(credential_cache_get(c, &a, 2, 2000), CREDENTIAL_UNKNOWN); /* the password was changed */
    assert_int_equal(credential_cache_get(c, &a, 1, 1000 + 25ull * 3600 * 1000), CREDENTIAL_UNKNOWN);
    /* A flood of wrong guesses does not push out who is known; a flood of right ones stays bounded. */
    for (unsigned i = 0; i < 100000; i++) {
        struct credential_key k;
        char guess[32];
        (void)snprintf(guess, sizeof guess, "guess%u", i);
        credential_key_make(c, 1, STR_EMPTY, str_from(guess), &k);
        credential_cache_put(c, &k, 1, false, 2000);
        assert_int_equal(credential_cache_get(c, &k, 1, 2000), CREDENTIAL_WRONG);
    }
    assert_int_equal(credential_cache_get(c, &a, 1, 2000), CREDENTIAL_RIGHT);
    credential_cache_free(c);
}

static void test_brake(void **state) {
    (void)state;
    struct brake *b = brake_new();
    struct brake_settings s = {.failures = 10, .window_ms = 600000};
    struct brake_key net = brake_key_network(STR("192.0.2.7"));
    assert_true(net.hash == brake_key_network(STR("192.0.2.200")).hash); /* one /24 */
    assert_true(net.hash != brake_key_network(STR("192.0.3.7")).hash);
    assert_true(brake_key_network(STR("2001:db8::1")).hash == brake_key_network(STR("2001:db8::ffff:1")).hash);
    assert_true(brake_key_network(STR("2001:db8::1")).hash != brake_key_network(STR("2001:db8:0:1::1")).hash);
    struct brake_state st;
    unsigned told = 0;
    for (unsigned i = 1; i <= 30; i++) {
        brake_failure(b, &s, net, 1000 + i, &st);
        assert_int_equal(st.delay_ms, i <= 10 ? 0 : (i - 10) * 500 < 8000 ? (i - 10) * 500 : 8000);
        assert_int_equal(st.refuse, i >= 20);
        told += st.tell;
    }
    assert_int_equal(told, 1); /* told once in the log */
    brake_get(b, &s, brake_key_network(STR("198.51.100.1")), 2000, &st);
    assert_false(st.refuse);
    brake_get(b, &s, net, 2000 + 600000, &st);
    assert_int_equal(st.failures, 0);
    /* An account's failures are forgotten when its owner comes in. */
    struct brake_key account = brake_key_account(STR("a@b"));
    for (unsigned i = 0; i < 15; i++) brake_failure(b, &s, account, 5000, &st);
    assert_true(st.delay_ms > 0);
    brake_success(b, account);
    brake_get(b, &s, account, 5001, &st);
    assert_int_equal(st.delay_ms, 0);
    /* Switched off. */
    s.failures = 0;
    brake_failure(b, &s, net, 5000, &st);
    assert_false(st.refuse || st.tell || st.delay_ms > 0);
    brake_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_phc), cmocka_unit_test(test_verifiers),
                                       cmocka_unit_test(test_password_rules), cmocka_unit_test(test_cache),
                                       cmocka_unit_test(test_brake)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

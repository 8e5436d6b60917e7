/* Unit tests of dsn.c: RFC 3461 sections 4 to 4.4, RFC 6533 section 3, ESMTP-05. */
#include "proto/smtp/dsn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void xtext(void **state) {
    (void)state;
    static const struct {
        const char *plain, *coded;
    } pairs[] = {{"", ""}, {"a@b.example", "a@b.example"}, {"a+b=c", "a+2Bb+3Dc"}, {"a b\x7f", "a+20b+7F"}};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        BUF_AUTO coded = BUF_INIT(100);
        BUF_AUTO plain = BUF_INIT(100);
        dsn_xtext_encode(&coded, str_from(pairs[i].plain));
        assert_string_equal(buf_cstr(&coded), pairs[i].coded);
        assert_int_equal(dsn_xtext_decode(&plain, buf_str(&coded)), 0);
        assert_string_equal(buf_cstr(&plain), pairs[i].plain);
    }
    static const char *const bad[] = {"+", "+2", "+2G", "a=b", "a b", "\xc3\xbc", "x+"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        BUF_AUTO plain = BUF_INIT(100);
        assert_int_equal(dsn_xtext_decode(&plain, str_from(bad[i])), ERR_INVALID);
        assert_int_equal(plain.len, 0);
    }
}

static void notify(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
        unsigned bits;
    } cases[] = {
        {"NEVER", "NEVER", DSN_NOTIFY_NEVER},
        {"success", "SUCCESS", DSN_NOTIFY_SUCCESS},
        {"DELAY,FAILURE", "FAILURE,DELAY", DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY},
        {"NEVER,DELAY", NULL, 0},
        {"", NULL, 0},
        {"DELAY,", NULL, 0},
        {"SOMETIMES", NULL, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned bits = 99;
        int rc = dsn_notify_parse(str_from(cases[i].in), &bits);
        assert_int_equal(rc, cases[i].out == NULL ? ERR_INVALID : 0);
        assert_int_equal(bits, cases[i].out == NULL ? 99 : cases[i].bits);
        if (rc < 0) continue;
        BUF_AUTO out = BUF_INIT(100);
        dsn_notify_format(&out, bits);
        assert_string_equal(buf_cstr(&out), cases[i].out);
    }
}

static void orcpt(void **state) {
    (void)state;
    static const struct {
        const char *in, *type, *address;
    } cases[] = {
        {"rfc822;a@b.example", "rfc822", "a@b.example"},
        {"rfc822;a+2Bb@c.example", "rfc822", "a+2Bb@c.example"},
        {"utf-8;gr\xc3\xbc@b.example", "utf-8", "gr\xc3\xbc@b.example"},
        {"utf-8;gr\\x{FC}@b.example", "utf-8", "gr\\x{FC}@b.example"},
        {"rfc822;gr\xc3\xbc@b.example", NULL, NULL},
        {"utf-8;\xff", NULL, NULL},
        {"rfc822;", NULL, NULL},
        {"rfc822", NULL, NULL},
        {";a@b", NULL, NULL},
        {"rfc 822;a", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str type, address;
        int rc = dsn_orcpt_split(str_from(cases[i].in), &type, &address);
        assert_int_equal(rc, cases[i].type == NULL ? ERR_INVALID : 0);
        if (rc < 0) continue;
        assert_true(str_eq(type, str_from(cases[i].type)));
        assert_true(str_eq(address, str_from(cases[i].address)));
    }
}

/* RFC 6533 section 3. */
static void unitext(void **state) {
    (void)state;
    static const struct {
        const char *plain, *coded;
    } cases[] = {
        {"a@b.example", "a@b.example"},
        {"\xce\xb1@ex\xc3\xa4mple.com", "\\x{3B1}@ex\\x{E4}mple.com"},
        {"a b\\+=", "a\\x{20}b\\x{5C}\\x{2B}\\x{3D}"},
        {"\xe2\x82\xac\xf0\x9f\x98\x80", "\\x{20AC}\\x{1F600}"},
    };
    static const char *const bad[] = {"\\",        "\\x",         "\\x{",    "\\x{}",   "\\x{4}",   "\\x{3B1",
                                      "\\x{D800}", "\\x{110000}", "\\x{00}", "\\x{3G}", "\\y{3B1}", "\\x{0003B1A}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO coded = BUF_INIT(100), plain = BUF_INIT(100), again = BUF_INIT(100);
        dsn_unitext_encode(&coded, str_from(cases[i].plain), false);
        assert_string_equal(buf_cstr(&coded), cases[i].coded);
        assert_int_equal(dsn_unitext_decode(&plain, buf_str(&coded)), 0);
        assert_string_equal(buf_cstr(&plain), cases[i].plain);
        dsn_unitext_encode(&again, buf_str(&coded), true);
        assert_string_equal(buf_cstr(&again), cases[i].coded);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        BUF_AUTO out = BUF_INIT(100);
        buf_addc(&out, 'x');
        assert_int_equal(dsn_unitext_decode(&out, str_from(bad[i])), ERR_INVALID);
        assert_string_equal(buf_cstr(&out), "x");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(xtext), cmocka_unit_test(notify), cmocka_unit_test(orcpt),
                                       cmocka_unit_test(unitext)};
    return cmocka_run_group_tests_name("smtp dsn", tests, NULL, NULL);
}

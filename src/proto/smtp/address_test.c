/* Unit tests of address.c: RFC 5321 section 4.1.2 and 4.1.3, RFC 6531 section 3.3, SMTPD-05, SMTPD-06. */
#include "proto/smtp/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define L63      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *in;
    unsigned flags;
    const char *text; /* NULL: refused */
    const char *rest;
} path_cases[] = {
    {"<a@b.example>", 0, "a@b.example", ""},
    {"<a@b.example> SIZE=3", 0, "a@b.example", " SIZE=3"},
    {"<A.b+c@EXAMPLE.Test>", 0, "A.b+c@example.test", ""},
    {"<!#$%&'*+-/=?^_`{|}~@b.example>", 0, "!#$%&'*+-/=?^_`{|}~@b.example", ""},
    {"<a@b_c.example>", 0, "a@b_c.example", ""},
    {"<a@localhost>", 0, "a@localhost", ""},
    /* quoted strings keep their quotes only when needed */
    {"<\"a\"@b.example>", 0, "a@b.example", ""},
    {"<\"\\a\\b\"@b.example>", 0, "ab@b.example", ""},
    {"<\"a b\"@b.example>", 0, "\"a b\"@b.example", ""},
    {"<\"a@b\"@c.example>", 0, "\"a@b\"@c.example", ""},
    {"<\"a>b\"@c.example> X", 0, "\"a>b\"@c.example", " X"},
    {"<\"a\\\"b\"@c.example>", 0, "\"a\\\"b\"@c.example", ""},
    {"<\"\"@c.example>", 0, "\"\"@c.example", ""},
    {"<\"a..b\"@c.example>", 0, "\"a..b\"@c.example", ""},
    {"<\"a@c.example>", 0, NULL, NULL},
    {"<\"a\\", 0, NULL, NULL},
    {"<\"a\"b@c.example>", 0, NULL, NULL},
    {"<\"a\tb\"@c.example>", 0, NULL, NULL},
    /* source routes: read and dropped */
    {"<@x.example:a@b.example>", 0, "a@b.example", ""},
    {"<@x.example,@y.example:a@b.example>", 0, "a@b.example", ""},
    {"<@x.example a@b.example>", 0, NULL, NULL},
    {"<@x.example,:a@b.example>", 0, "a@b.example", ""},
    {"<@:a@b.example>", 0, NULL, NULL},
    /* literals */
    {"<a@[192.0.2.1]>", 0, "a@[192.0.2.1]", ""},
    {"<a@[IPv6:2001:DB8::1]>", 0, "a@[ipv6:2001:db8::1]", ""},
    {"<a@[192.0.2.256]>", 0, NULL, NULL},
    {"<a@[2001:db8::1]>", 0, NULL, NULL},
    {"<a@[192.0.2.1>", 0, NULL, NULL},
    {"<a@[]>", 0, NULL, NULL},
    /* domains */
    {"<a@-b.example>", 0, NULL, NULL},
    {"<a@b-.example>", 0, NULL, NULL},
    {"<a@b..example>", 0, NULL, NULL},
    {"<a@.example>", 0, NULL, NULL},
    {"<a@b.example.>", 0, NULL, NULL},
    {"<a@>", 0, NULL, NULL},
    {"<a@b!c.example>", 0, NULL, NULL},
    {"<a@" L63 ".example>", 0, "a@" L63 ".example", ""},
    {"<a@a" L63 ".example>", 0, NULL, NULL},
    {"<a@" L63 "." L63 "." L63 "." L63 ">", 0, NULL, NULL},
    /* local parts */
    {"<.a@b.example>", 0, NULL, NULL},
    {"<a.@b.example>", 0, NULL, NULL},
    {"<a..b@b.example>", 0, NULL, NULL},
    {"<@b.example>", 0, NULL, NULL},
    {"<a b@b.example>", 0, NULL, NULL},
    {"<a(c)@b.example>", 0, NULL, NULL},
    {"<a@b@c.example>", 0, NULL, NULL},
    {"<a\r\nb@c.example>", 0, NULL, NULL},
    {"<" L63 L63 L63 "@" L63 ".example>", 0, L63 L63 L63 "@" L63 ".example", ""},
    {"<" L63 L63 L63 L63 L63 "@b.example>", 0, NULL, NULL},
    /* unqualified (SMTPD-05, SMTPD-06) and null */
    {"<postmaster>", 0, NULL, NULL},
    {"<postmaster>", ADDRESS_UNQUALIFIED, "postmaster", ""},
    {"<\"a b\">", ADDRESS_UNQUALIFIED, "\"a b\"", ""},
    {"<>", 0, NULL, NULL},
    {"<> BODY=8BITMIME", ADDRESS_NULL, "", " BODY=8BITMIME"},
    /* brackets */
    {"a@b.example", 0, NULL, NULL},
    {"<a@b.example", 0, NULL, NULL},
    {"<a@b.example SIZE=3", 0, NULL, NULL},
    {"", 0, NULL, NULL},
    /* RFC 6531 */
    {"<gr\xc3\xbc\xc3\x9f@b.example>", 0, NULL, NULL},
    {"<gr\xc3\xbc\xc3\x9f@b.example>", ADDRESS_UTF8, "gr\xc3\xbc\xc3\x9f@b.example", ""},
    {"<\"gr\xc3\xbc \"@b.example>", ADDRESS_UTF8, "\"gr\xc3\xbc \"@b.example", ""},
    {"<a@b\xc3\xbc.example>", 0, NULL, NULL},
    {"<a@b\xc3\xbc.example>", ADDRESS_UTF8, "a@b\xc3\xbc.example", ""},
    {"<gr\xc3@b.example>", ADDRESS_UTF8, NULL, NULL},
    {"<a@b\xff.example>", ADDRESS_UTF8, NULL, NULL},
};

static void paths(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(path_cases); i++) {
        struct address a = {.text = "untouched", .len = 9};
        struct error err = {0};
        struct str rest = str_from(path_cases[i].in);
        int rc = address_parse_path(&rest, path_cases[i].flags, &a, &err);
        if (path_cases[i].text == NULL) {
            if (rc == 0) fail_msg("accepted: %s", path_cases[i].in);
            assert_string_equal(a.text, "untouched");
            assert_true(str_eq(rest, str_from(path_cases[i].in)));
            assert_true(err.text[0] != '\0');
            continue;
        }
        if (rc < 0) fail_msg("%s: %s", path_cases[i].in, err.text);
        assert_string_equal(a.text, path_cases[i].text);
        assert_int_equal(a.len, strlen(path_cases[i].text));
        assert_true(str_eq(rest, str_from(path_cases[i].rest)));
    }
}

/* A path cut at any byte is refused, never read beyond its end. */
static void paths_truncated(void **state) {
    (void)state;
    static const char path[] = "<@x.example,@y.example:\"a \\\"b\"@[IPv6:2001:db8::1]>";
    for (size_t n = 0; n < sizeof path - 1; n++) {
        char *copy = str_dup(str_of(path, n));
        struct str rest = str_of(copy, n);
        struct address a;
        assert_int_equal(address_parse_path(&rest, ADDRESS_UTF8 | ADDRESS_UNQUALIFIED, &a, NULL), ERR_INVALID);
        free(copy);
    }
}

static void lenient(void **state) {
    (void)state;
    static const struct {
        const char *in, *text;
    } cases[] = {
        {"bart@example.test", "bart@example.test"},
        {"  bart@Example.test\n", "bart@example.test"},
        {"<bart@example.test>", "bart@example.test"},
        {"Bart Simpson <bart@example.test>", "bart@example.test"},
        {"\"B <x>\" < bart@example.test >", "bart@example.test"},
        {"bart@example.test.", "bart@example.test"},
        {"mailto:bart@example.test", "bart@example.test"},
        {"bart", "bart"},
        {"bart@", NULL},
        {"bart@example.test>", NULL},
        {"bart@example.test, lisa@example.test", NULL},
        {"", NULL},
        {"   ", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct address a;
        int rc = address_parse_lenient(str_from(cases[i].in), ADDRESS_UNQUALIFIED, &a, NULL);
        if ((rc == 0) != (cases[i].text != NULL)) fail_msg("%s: %d", cases[i].in, rc);
        if (rc == 0) assert_string_equal(a.text, cases[i].text);
    }
}

static void parts(void **state) {
    (void)state;
    static const struct {
        const char *text, *local, *domain, *raw;
        bool literal, utf8;
    } cases[] = {
        {"a@b.example", "a", "b.example", "a", false, false},
        {"\"a@ \\\"b\"@b.example", "\"a@ \\\"b\"", "b.example", "a@ \"b", false, false},
        {"\"a@b\"", "\"a@b\"", "", "a@b", false, false},
        {"a", "a", "", "a", false, false},
        {"a@[192.0.2.1]", "a", "[192.0.2.1]", "a", true, false},
        {"\xc3\xbc@b.example", "\xc3\xbc", "b.example", "\xc3\xbc", false, true},
        {"", "", "", "", false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct address a;
        struct str text = str_from(cases[i].text);
        assert_int_equal(address_parse(text, ADDRESS_UTF8 | ADDRESS_UNQUALIFIED | ADDRESS_NULL, &a, NULL), 0);
        assert_true(str_eq(address_local(&a), str_from(cases[i].local)));
        assert_true(str_eq(address_domain(&a), str_from(cases[i].domain)));
        assert_true(str_eq(address_local_of(text), str_from(cases[i].local)));
        assert_true(str_eq(address_domain_of(text), str_from(cases[i].domain)));
        assert_int_equal(address_is_literal(&a), cases[i].literal);
        assert_int_equal(address_is_utf8(&a), cases[i].utf8);
        BUF_AUTO raw = BUF_INIT(ADDRESS_MAX);
        address_unquote_local(address_local(&a), &raw);
        assert_true(str_eq(buf_str(&raw), str_from(cases[i].raw)));
        if (raw.len > 0) {
            BUF_AUTO quoted = BUF_INIT(ADDRESS_MAX);
            assert_int_equal(address_quote_local(buf_str(&raw), &quoted), 0);
            assert_true(str_eq(buf_str(&quoted), str_from(cases[i].local)));
        }
    }
    BUF_AUTO shown = BUF_INIT(64);
    address_display(STR(""), &shown);
    address_display(STR("a@b"), &shown);
    assert_string_equal(buf_cstr(&shown), "<><a@b>");
    assert_true(address_same(STR("Bart@example.test"), STR("bart@EXAMPLE.test")));
}

static void qualify(void **state) {
    (void)state;
    struct address a;
    assert_int_equal(address_parse(STR("PostMaster"), ADDRESS_UNQUALIFIED, &a, NULL), 0);
    assert_true(address_is_postmaster(&a));
    assert_int_equal(address_qualify(&a, STR("bad domain")), ERR_INVALID);
    assert_string_equal(a.text, "PostMaster");
    assert_int_equal(address_qualify(&a, STR("Example.test")), 0);
    assert_string_equal(a.text, "PostMaster@example.test");
    assert_int_equal(address_qualify(&a, STR("other.test")), 0);
    assert_string_equal(a.text, "PostMaster@example.test");
    assert_true(address_is_postmaster(&a));
    assert_int_equal(address_parse(STR("\"post master\"@example.test"), 0, &a, NULL), 0);
    assert_false(address_is_postmaster(&a));
}

static void domains(void **state) {
    (void)state;
    BUF_AUTO out = BUF_INIT(ADDRESS_DOMAIN_MAX);
    assert_int_equal(address_domain_ascii(STR("B\xc3\xbc"
                                              "cher.Example"),
                                          &out),
                     0);
    assert_string_equal(buf_cstr(&out), "xn--bcher-kva.example");
    buf_clear(&out);
    assert_int_equal(address_domain_ascii(STR("EXAMPLE.test"), &out), 0);
    assert_string_equal(buf_cstr(&out), "example.test");
    assert_int_equal(address_domain_ascii(STR("a b"), &out), ERR_INVALID);
    assert_int_equal(address_domain_ascii(STR("\xff.example"), &out), ERR_INVALID);
    /* RFC 5895 section 2.2: U+FF5D, U+FF20 and U+FF0F stand for signs that no name has */
    static const char *const signs[] = {"\xef\xbd\x9d", "b\xef\xbc\xa0m.example", "b\xef\xbc\x8f.example"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        size_t before = out.len;
        assert_int_equal(address_domain_ascii(str_from(signs[i]), &out), ERR_INVALID);
        assert_int_equal(out.len, before);
    }
    assert_int_equal(address_domain_check(STR(""), true, NULL), ERR_INVALID);
    assert_int_equal(address_domain_check(STR("example.test"), false, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths), cmocka_unit_test(paths_truncated), cmocka_unit_test(lenient),
        cmocka_unit_test(parts), cmocka_unit_test(qualify),         cmocka_unit_test(domains),
    };
    return cmocka_run_group_tests_name("smtp address", tests, NULL, NULL);
}

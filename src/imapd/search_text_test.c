/* Tests of search_text.c: folding of case, and fields with encoded-words. RFC 9051 section 6.4.4. */
#include "imapd/search_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void folding(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"Hello WORLD 123", "hello world 123"},
        {"\xc3\x84\xc3\x96\xc3\x9c\xc3\x9f\xc3\x97",
         "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\x97"}, /* Latin-1, not the times sign */
        {"\xc4\x8c\xc5\x98", "\xc4\x8d\xc5\x99"},     /* alternating pairs */
        {"\xce\xa9", "\xcf\x89"},                     /* Greek */
        {"\xd0\x96\xd0\x81", "\xd0\xb6\xd1\x91"},     /* Cyrillic */
        {"\xef\xbc\xa1", "\xef\xbd\x81"},             /* full width */
        {"\xc3", "\xc3"},                             /* cut off */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s", cases[i].in);
        search_fold(text, strlen(text));
        assert_string_equal(text, cases[i].out);
    }
}

static void fields(void **state) {
    (void)state;
    const struct str header =
        STR("Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n =?utf-8?b?IGF1cyBCZXJsaW4=?=\r\nTo: A <a@b>\r\n"
            "to: second@c\r\n\r\n");
    static const struct {
        const char *name, *needle;
        int found;
    } cases[] = {
        {"subject",
         "gr\xc3\xbc\xc3\x9f"
         "e aus berlin",
         1},
        {"Subject", "iso-8859", 0},
        {"To", "second", 1},
        {"Cc", "", 0},
        {"To", "", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(search_header_field(header, str_from(cases[i].name), str_from(cases[i].needle)),
                         cases[i].found);
    assert_int_equal(search_header_text(header, STR("to: second")), 1);
    assert_int_equal(search_header_text(header, STR("missing")), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(folding), cmocka_unit_test(fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of utf7.c. RFC 3501 section 5.1.3, RFC 9051 section 6.3.9. */
#include "proto/imap/utf7.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void both_ways(void **state) {
    (void)state;
    static const struct {
        const char *utf7, *utf8;
    } cases[] = {
        {"", ""},
        {"Archive 2026", "Archive 2026"},
        {"a&-b", "a&b"},
        {"Entw&APw-rfe", "Entw\xc3\xbcrfe"},
        {"&U,BTFw-", "\xe5\x8f\xb0\xe5\x8c\x97"},
        {"&2D3eAA-", "\xf0\x9f\x98\x80"}, /* a surrogate pair */
        {"a&AOkA6Q-b", "a\xc3\xa9\xc3\xa9"
                       "b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        BUF_AUTO b = BUF_INIT(1000);
        assert_int_equal(imap_utf7_decode(str_from(cases[i].utf7), &b), 0);
        assert_string_equal(buf_cstr(&b), cases[i].utf8);
        buf_clear(&b);
        assert_int_equal(imap_utf7_encode(str_from(cases[i].utf8), &b), 0);
        assert_string_equal(buf_cstr(&b), cases[i].utf7);
    }
}

static void refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "a&b",        /* shift without end */
        "&APw",       /* same */
        "&AP-",       /* half a unit */
        "&APx-",      /* padding bits not zero */
        "&AGE-",      /* printable ASCII in base64 */
        "&APw-&APw-", /* two parts that should be one */
        "&2D0-",      /* lone high surrogate */
        "&3gA-",      /* lone low surrogate */
        "&2D0AYQ-",   /* high surrogate without its low */
        "a\x80",      /* 8-bit */
        "a\tb",       /* control */
        "&A/w-",      /* "/" is not of this base64 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        BUF_AUTO b = BUF_INIT(1000);
        buf_adds(&b, "x");
        if (imap_utf7_decode(str_from(cases[i]), &b) != ERR_INVALID) fail_msg("%s was taken", cases[i]);
        assert_string_equal(buf_cstr(&b), "x");
    }
    BUF_AUTO b = BUF_INIT(1000);
    assert_int_equal(imap_utf7_encode(STR("a\xc3"), &b), ERR_INVALID);
}

static void patterns(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool match;
    } cases[] = {
        {"*", "a/b/c", true},
        {"%", "a", true},
        {"%", "a/b", false},
        {"%/%", "a/b", true},
        {"%/%", "a/b/c", false},
        {"a*c", "a/b/c", true},
        {"a%c", "abbc", true},
        {"a%c", "a/c", false},
        {"*a%b/c", "xa/ayb/c", true},
        {"*%", "a/b", true},
        {"%*", "a/b", true},
        {"a", "A", false},
        {"", "", true},
        {"", "a", false},
        {"inbox", "INBOX", true},
        {"In%", "INBOX", true},
        {"*box/a", "INBOX/a", true},
        {"*box/A", "INBOX/a", false},
        {"inbox", "INBOXES", false},
        {"a%b%c", "axbxbxc", true},
        {"a*b*c", "a/b/b/x", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (imap_list_match(str_from(cases[i].pattern), str_from(cases[i].name)) != cases[i].match)
            fail_msg("%s against %s", cases[i].pattern, cases[i].name);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_ways), cmocka_unit_test(refused),
                                       cmocka_unit_test(patterns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of args.c, args_value.c and write.c. RFC 9051 section 9. */
#include "proto/imap/args.h"
#include "proto/imap/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ARENA_MAX_HERE = 65536 };

/* More blanks than one, also inside of lists. */
static void blanks(void **state) {
    (void)state;
    static const struct {
        const char *in;
        bool ok;
    } cases[] = {
        {" (a b)", true}, {"   (a  b)", true}, {" ( a b )", true}, {" (  a   b  )", true}, {" (a b)  ", true},
        {"(a b)", false}, {" (ab)", false},    {" (a\tb)", false}, {" (a b) c", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imap_args a = {.rest = str_from(cases[i].in)};
        struct str x, y;
        bool ok = imap_args_space(&a) && imap_args_char(&a, '(') && imap_args_atom(&a, &x) && imap_args_space(&a) &&
                  imap_args_atom(&a, &y);
        if (ok) ok = !imap_args_space(&a) && imap_args_char(&a, ')') && imap_args_end(&a);
        if (ok != cases[i].ok) fail_msg("case %zu: %d", i, ok);
        ARENA_AUTO arena = arena_new(ARENA_MAX_HERE);
        struct imap_flags flags = {0};
        struct imap_args f = {.rest = str_from("( \\Seen  x )"), .arena = arena};
        assert_true(imap_args_flag_list(&f, &flags) && imap_args_end(&f) && flags.keywords == 1);
    }
}

typedef bool (*string_fn)(struct imap_args *a, struct str *out);

static void strings(void **state) {
    (void)state;
    static const struct {
        string_fn fn;
        bool utf8;
        const char *in, *out, *rest; /* out NULL: no match */
    } cases[] = {
        {imap_args_tag, false, "a1 X", "a1", " X"},
        {imap_args_tag, false, "+ X", NULL, NULL},
        {imap_args_tag, false, "a]b X", "a]b", " X"},
        {imap_args_atom, false, "abc)d", "abc", ")d"},
        {imap_args_atom, false, "\\Seen", NULL, NULL},
        {imap_args_astring, false, "a]b c", "a]b", " c"},
        {imap_args_astring, false, "\"x y\" c", "x y", " c"},
        {imap_args_astring, false, "\"a\\\"b\\\\\"", "a\"b\\", ""},
        {imap_args_astring, false, "\"a\\bc\"", NULL, NULL},
        {imap_args_astring, false, "\"abc", NULL, NULL},
        {imap_args_astring, false, "\"a\\\"", NULL, NULL},
        {imap_args_astring, false, "\"\"", "", ""},
        {imap_args_astring, false, "{3}\r\na\"b x", "a\"b", " x"},
        {imap_args_astring, false, "{3+}\r\nabc", "abc", ""},
        {imap_args_astring, false, "{4}\r\nabc", NULL, NULL},
        {imap_args_astring, false, "~{3}\r\nabc", "~", "{3}\r\nabc"}, /* "~" is an atom character, "{" is not */
        {imap_args_string, false, "~{3}\r\nabc", "abc", ""},
        /* UTF-8 in quoted strings only after ENABLE (RFC 6855 section 3) */
        {imap_args_astring, false, "\"\xc3\xa9\"", NULL, NULL},
        {imap_args_astring, true, "\"\xc3\xa9\"", "\xc3\xa9", ""},
        {imap_args_astring, true, "\"\xc3\"", NULL, NULL},
        {imap_args_list_mailbox, false, "a/%*", "a/%*", ""},
        {imap_args_list_mailbox, false, "\"\"", "", ""},
        {imap_args_mailbox, false, "inbox", "INBOX", ""},
        {imap_args_mailbox, false, "\"InBox\"", "INBOX", ""},
        {imap_args_mailbox, false, "Entw&APw-rfe", "Entw\xc3\xbcrfe", ""},
        {imap_args_mailbox, true, "Entw&APw-rfe", "Entw&APw-rfe", ""},
        {imap_args_mailbox, false, "{7}\r\nEntw\xc3\xbcr", "Entw\xc3\xbcr",
         ""},                                         /* client that sends UTF-8 all the same */
        {imap_args_mailbox, false, "a&b", "a&b", ""}, /* no modified UTF-7 at all: taken as it is */
        {imap_args_mailbox, false, "{3}\r\na\tb", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = arena_new(ARENA_MAX_HERE);
        struct imap_args a = {.rest = str_from(cases[i].in), .arena = arena, .utf8 = cases[i].utf8};
        struct str out = STR_EMPTY;
        bool ok = cases[i].fn(&a, &out);
        if (ok != (cases[i].out != NULL)) fail_msg("case %zu: %d", i, ok);
        if (!ok) {
            assert_int_equal(a.rest.len, strlen(cases[i].in));
            continue;
        }
        if (!str_eq(out, str_from(cases[i].out))) fail_msg("case %zu: got %.*s", i, STR_ARG(out));
        assert_true(str_eq(a.rest, str_from(cases[i].rest)));
    }
}

static void dates(void **state) {
    (void)state;
    static const struct {
        const char *in;
        bool datetime, ok;
        int64_t out;
    } cases[] = {
        {"21-Nov-2026", false, true, 1795219200},
        {"\"21-nov-2026\"", false, true, 1795219200},
        {"1-Jan-1970", false, true, 0},
        {"32-Jan-1970", false, false, 0},
        {"1-Foo-1970", false, false, 0},
        {"1-Jan-70", false, false, 0},
        {"\"1-Jan-1970", false, false, 0},
        {"\"21-Nov-2026 07:24:00 +0000\"", true, true, 1795245840},
        {"\"21-Nov-2026 07:24:00 +0130\"", true, true, 1795245840 - 5400},
        {"\" 1-Jan-1970 00:00:00 -0100\"", true, true, 3600},
        {"\"01-Jan-1970 00:00:60 +0000\"", true, true, 59},
        {"\"1-Jan-1970 00:00:00\"", true, false, 0},
        {"\"1-Jan-1970 24:00:00 +0000\"", true, false, 0},
        {"\"1-Jan-1970 00:00:00 +0060\"", true, false, 0},
        {"1-Jan-1970", true, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = arena_new(ARENA_MAX_HERE);
        struct imap_args a = {.rest = str_from(cases[i].in), .arena = arena};
        int64_t t = -1;
        bool ok = cases[i].datetime ? imap_args_datetime(&a, &t) : imap_args_date(&a, &t);
        if (ok != cases[i].ok || (ok && t != cases[i].out)) fail_msg("%s: %d %lld", cases[i].in, ok, (long long)t);
    }
}

/* What is a string, but no mailbox: the command is answered with NO, not BAD. */
static void bad_names(void **state) {
    (void)state;
    static const struct {
        const char *in;
        bool bad_name;
    } cases[] = {{"\"\"", true}, {"\"a\x01\"", true}, {"{2}\r\na\xff", true},
                 {"(x)", false}, {"\"x", false},      {"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = arena_new(ARENA_MAX_HERE);
        struct imap_args a = {.rest = str_from(cases[i].in), .arena = arena};
        struct str name;
        assert_false(imap_args_mailbox(&a, &name));
        assert_int_equal(a.bad_name, cases[i].bad_name);
    }
}

static void flags(void **state) {
    (void)state;
    static const struct {
        const char *in;
        bool store, ok;
        uint64_t system;
        size_t keywords;
        bool unknown, recent;
    } cases[] = {
        {"(\\Seen \\Deleted)", false, true, IMAP_SEEN | IMAP_DELETED, 0, false},
        {"()", false, true, 0, 0, false},
        {"(\\seen $Label1 foo FOO)", false, true, IMAP_SEEN, 2, false},
        {"(\\recent)", false, true, 0, 0, false, true},
        {"(\\Recent \\Foo)", false, true, 0, 0, true, true},
        {"\\Seen", false, false, 0, 0, false},
        {"\\Seen $x", true, true, IMAP_SEEN, 1, false},
        {"\\Seen ", true, true, IMAP_SEEN, 0, false},
        {"(\\Seen", true, false, 0, 0, false},
        {"(\\)", true, false, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imap_args a = {.rest = str_from(cases[i].in)};
        struct imap_flags f;
        bool ok = cases[i].store ? imap_args_store_flags(&a, &f) : imap_args_flag_list(&a, &f);
        assert_int_equal(ok, cases[i].ok);
        if (!ok) continue;
        assert_int_equal(f.system, cases[i].system);
        assert_int_equal(f.keywords, cases[i].keywords);
        assert_int_equal(f.unknown, cases[i].unknown);
        assert_int_equal(f.recent, cases[i].recent);
        assert_true(imap_args_end(&a));
    }
}

static void numbers(void **state) {
    (void)state;
    struct imap_args a = {.rest = STR("4294967295 4294967296 9223372036854775807 9223372036854775808")};
    uint32_t n = 0;
    uint64_t big = 0;
    assert_true(imap_args_number(&a, &n) && n == UINT32_MAX && imap_args_space(&a));
    assert_false(imap_args_number(&a, &n));
    assert_true(imap_args_number64(&a, &big) && imap_args_space(&a) && imap_args_number64(&a, &big));
    assert_true(big == INT64_MAX && imap_args_space(&a));
    assert_false(imap_args_number64(&a, &big));
    assert_false(imap_args_end(&a));
}

static void words(void **state) {
    (void)state;
    struct imap_args a = {.rest = STR("fetchx")};
    assert_false(imap_args_word(&a, "FETCH"));
    assert_true(imap_args_word(&a, "FETCHX"));
    assert_true(imap_args_end(&a));
}

static void writing(void **state) {
    (void)state;
    static const struct {
        const char *in, *string, *astring, *mailbox, *utf8;
    } cases[] = {
        {"abc", "\"abc\"", "abc", "abc", "abc"},
        {"", "\"\"", "\"\"", "\"\"", "\"\""},
        {"a b", "\"a b\"", "\"a b\"", "\"a b\"", "\"a b\""},
        {"a\"\\b", "\"a\\\"\\\\b\"", "\"a\\\"\\\\b\"", "\"a\\\"\\\\b\"", "\"a\\\"\\\\b\""},
        {"nil", "\"nil\"", "\"nil\"", "\"nil\"", "\"nil\""},
        {"a\nb", "{3}\r\na\nb", "{3}\r\na\nb", NULL, NULL},
        {"a&b", "\"a&b\"", "a&b", "a&-b", "a&b"},
        {"\xc3\xbc", "{2}\r\n\xc3\xbc", "{2}\r\n\xc3\xbc", "&APw-", "\"\xc3\xbc\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        BUF_AUTO b = BUF_INIT(1000);
        imap_write_string(&b, str_from(cases[i].in), false);
        assert_string_equal(buf_cstr(&b), cases[i].string);
        buf_clear(&b);
        imap_write_astring(&b, str_from(cases[i].in), false);
        assert_string_equal(buf_cstr(&b), cases[i].astring);
        if (cases[i].mailbox == NULL) continue;
        buf_clear(&b);
        imap_write_mailbox(&b, str_from(cases[i].in), false);
        assert_string_equal(buf_cstr(&b), cases[i].mailbox);
        buf_clear(&b);
        imap_write_mailbox(&b, str_from(cases[i].in), true);
        assert_string_equal(buf_cstr(&b), cases[i].utf8);
    }
    BUF_AUTO b = BUF_INIT(1000);
    const struct str keywords[] = {STR("$One"), STR("two")};
    imap_write_flags(&b, IMAP_SEEN | 2 << 8, keywords, 2);
    imap_write_flags(&b, 0, keywords, 2);
    imap_write_flags(&b, IMAP_ANSWERED | IMAP_DRAFT | 7 << 8, keywords, 2);
    assert_string_equal(buf_cstr(&b), "(\\Seen two)()(\\Answered \\Draft $One two)");
    char digits[21] = {0};
    assert_ptr_equal(imap_put_number(digits, UINT64_MAX), digits + 20);
    assert_string_equal(digits, "18446744073709551615");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blanks), cmocka_unit_test(strings), cmocka_unit_test(dates), cmocka_unit_test(bad_names),
        cmocka_unit_test(flags),  cmocka_unit_test(numbers), cmocka_unit_test(words), cmocka_unit_test(writing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of search_parse.c: the tree is printed and compared. RFC 9051 section 6.4.4, RFC 4731, RFC 5032, RFC 7162. */
#include "proto/imap/search_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void print(const struct imap_search_key *k, struct buf *b) {
    buf_printf(b, "%d", (int)k->type);
    if (k->flags != 0) buf_printf(b, "f%u", (unsigned)k->flags);
    if (k->number != 0) buf_printf(b, "n%lld", (long long)k->number);
    if (k->set.count > 0) buf_printf(b, "s%zu", k->set.count);
    if (k->set.saved) buf_adds(b, "$");
    if (k->name.len > 0) buf_printf(b, "<%.*s>", STR_ARG(k->name));
    if (k->text.len > 0) buf_printf(b, "'%.*s'", STR_ARG(k->text));
    if (k->child == NULL) return;
    buf_addc(b, '(');
    for (const struct imap_search_key *c = k->child; c != NULL; c = c->next) {
        if (c != k->child) buf_addc(b, ' ');
        print(c, b);
    }
    buf_addc(b, ')');
}

static void keys(void **state) {
    (void)state;
    static const struct {
        const char *in, *out; /* NULL: error */
        unsigned returns;
        const char *charset;
    } cases[] = {
        {" ALL", "0(3)", 0, ""},
        {" UNSEEN DELETED", "0(7f8 6f4)", 0, ""},
        {" 1:3,5 UID 7", "0(4s2 5s1)", 0, ""},
        {" OR SEEN (FROM \"x y\" NOT TO a)", "0(1(6f8 0(25'x y' 2(26'a'))))", 0, ""},
        {" OR NOT SEEN OR ALL NEW SUBJECT x", "0(1(2(6f8) 1(3 39)) 29'x')", 0, ""},
        {" CHARSET UTF-8 BODY {3}\r\nabc", "0(30'abc')", 0, "UTF-8"},
        {" RETURN (MIN MAX) ALL", "0(3)", IMAP_RETURN_MIN | IMAP_RETURN_MAX, ""},
        {" RETURN () CHARSET us-ascii TEXT a", "0(31'a')", IMAP_RETURN_ALL, "us-ascii"},
        {" RETURN (SAVE COUNT) $", "0(4$)", IMAP_RETURN_SAVE | IMAP_RETURN_COUNT, ""},
        {" HEADER Message-ID \"<a@b>\"", "0(24<Message-ID>'<a@b>')", 0, ""},
        {" SINCE 1-Jan-1970 SENTON \"2-Jan-1970\"", "0(13 15n86400)", 0, ""},
        {" LARGER 100 YOUNGER 60 KEYWORD $x", "0(22n100 20n60 8'$x')", 0, ""},
        {" MODSEQ 12", "0(32n12)", 0, ""},
        {" UIDAFTER 7 UIDBEFORE 9", "0(5s1 5s1)", 0, ""}, /* RFC 9738 3.4 */
        {" UIDBEFORE 1 UIDAFTER 4294967295", "0(10s1 10s1)", 0, ""},
        {" UIDAFTER 0", NULL, 0, ""},
        {" UIDAFTER *", NULL, 0, ""},
        {" OLDER 0", NULL, 0, ""}, /* RFC 5032 3 */
        {" MODSEQ \"/flags/\\\\seen\" all 12", "0(32n12)", 0, ""},
        {" ALL ", "0(3)", 0, ""},
        {" EMAILID M1-a THREADID T_b", "0(33'M1-a' 34'T_b')", 0, ""},
        {" FUZZY (SUBJECT \"a b\")", "0(35(0(29'a b')))", 0, ""},
        {" RETURN (PARTIAL -1:-3 COUNT) ALL", "0(3)", IMAP_RETURN_PARTIAL | IMAP_RETURN_COUNT, ""},
        {" RETURN (CONTEXT) ALL", "0(3)", IMAP_RETURN_CONTEXT | IMAP_RETURN_ALL, ""},
        {" EMAILID a.b", NULL, 0, ""},
        {" FUZZY", NULL, 0, ""},
        {" RETURN (PARTIAL) ALL", NULL, 0, ""},
        {" RETURN (PARTIAL 1:-2) ALL", NULL, 0, ""},
        {" RETURN (PARTIAL 1:2 PARTIAL 1:2) ALL", NULL, 0, ""},
        {" RETURN (PARTIAL 1:2 ALL) ALL", NULL, 0, ""},
        {"", NULL, 0, ""},
        {" ", NULL, 0, ""},
        {" FOO", NULL, 0, ""},
        {" OR ALL", NULL, 0, ""},
        {" NOT", NULL, 0, ""},
        {" (ALL", NULL, 0, ""},
        {" ()", NULL, 0, ""},
        {" FROM", NULL, 0, ""},
        {" SINCE yesterday", NULL, 0, ""},
        {" RETURN (FOO) ALL", NULL, 0, ""},
        {" RETURN (ALL)", NULL, 0, ""},
        {" LARGER x", NULL, 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = arena_new(65536);
        struct imap_args a = {.rest = str_from(cases[i].in), .arena = arena};
        struct imap_search s;
        int rc = imap_search_parse(&a, &s);
        bool ok = rc == 0 && imap_args_end(&a);
        if (ok != (cases[i].out != NULL)) fail_msg("%s: %d", cases[i].in, rc);
        if (!ok) continue;
        BUF_AUTO b = BUF_INIT(1000);
        print(s.key, &b);
        if (strcmp(buf_cstr(&b), cases[i].out) != 0) fail_msg("%s: %s", cases[i].in, buf_cstr(&b));
        assert_int_equal(s.returns, cases[i].returns);
        assert_true(str_eq(s.charset, str_from(cases[i].charset)));
    }
}

static void too_deep(void **state) {
    (void)state;
    ARENA_AUTO arena = arena_new(1 << 20);
    BUF_AUTO b = BUF_INIT(100000);
    buf_addc(&b, ' ');
    for (int i = 0; i < 1000; i++) buf_adds(&b, "NOT ");
    buf_adds(&b, "ALL");
    struct imap_args a = {.rest = buf_str(&b), .arena = arena};
    struct imap_search s;
    assert_int_equal(imap_search_parse(&a, &s), ERR_LIMIT);
}

/* RFC 5256, RFC 5267, RFC 5957 */
static void sorts_and_threads(void **state) {
    (void)state;
    static const struct {
        const char *in;
        bool thread;
        int rc;
        size_t sorts;
    } cases[] = {
        {" (REVERSE DATE SUBJECT) UTF-8 ALL", false, 0, 2},
        {" RETURN (MIN) (DISPLAYFROM) US-ASCII SEEN (FROM a)", false, 0, 1},
        {" (ARRIVAL CC FROM SIZE TO DISPLAYTO RELEVANCY) \"utf-8\" 1:*", false, 0, 7},
        {" () UTF-8 ALL", false, ERR_INVALID, 0},
        {" (REVERSE) UTF-8 ALL", false, ERR_INVALID, 0},
        {" (DATE) UTF-8", false, ERR_INVALID, 0},
        {" (DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE) UTF-8 ALL", false,
         ERR_LIMIT, 0},
        {" REFS utf-8 ALL", true, 0, 0},
        {" references US-ASCII TEXT x", true, 0, 0},
        {" ORDEREDSUBJECT UTF-8", true, ERR_INVALID, 0},
        {" FOO UTF-8 ALL", true, ERR_UNSUPPORTED, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = arena_new(65536);
        struct imap_args a = {.rest = str_from(cases[i].in), .arena = arena};
        struct imap_search s;
        int rc = cases[i].thread ? imap_thread_parse(&a, &s) : imap_sort_parse(&a, &s);
        if (rc != cases[i].rc) fail_msg("%s: %d", cases[i].in, rc);
        if (rc != 0) continue;
        assert_int_equal(s.sorts, cases[i].sorts);
        assert_true(imap_args_end(&a));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys), cmocka_unit_test(sorts_and_threads),
                                       cmocka_unit_test(too_deep)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

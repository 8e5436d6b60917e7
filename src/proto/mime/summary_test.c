/* The summary of whole messages (RFC 2045, RFC 2046, RFC 9051 section 7.5.2; STORE-02). Each
 * message is fed whole, octet by octet and in random pieces: the results must be the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/encode.h"
#include "proto/mime/summary.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_PLAIN "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "

struct message_case {
    const char *name, *message, *structure;
};

static const struct message_case cases[] = {
    {"empty message", "", "(" TEXT_PLAIN "0 0 NIL NIL NIL NIL)"},
    {"header only", "Subject: a\r\n", "(" TEXT_PLAIN "0 0 NIL NIL NIL NIL)"},
    {"no header", "\r\nhello\r\n", "(" TEXT_PLAIN "7 1 NIL NIL NIL NIL)"},
    {"plain", "Subject: a\r\n\r\none\r\ntwo", "(" TEXT_PLAIN "8 1 NIL NIL NIL NIL)"},
    {"bare line feeds end lines", "Subject: a\n\none\ntwo\n", "(" TEXT_PLAIN "8 2 NIL NIL NIL NIL)"},
    {"two parts",
     "Content-Type: multipart/mixed; boundary=cut\r\n\r\npreamble\r\n--cut\r\n\r\nfirst\r\n--cut\r\n"
     "Content-Type: text/html; charset=utf-8\r\nContent-Language: de, en\r\n\r\n<p>\r\n\r\n--cut--\r\nepilogue\r\n",
     "((" TEXT_PLAIN "5 0 NIL NIL NIL NIL)(\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 5 1 NIL NIL "
     "(\"de\" \"en\") NIL) \"mixed\" (\"boundary\" \"cut\") NIL NIL NIL)"},
    {"no final boundary", "Content-Type: multipart/mixed; boundary=cut\r\n\r\n--cut\r\n\r\nfirst\r\nsecond\r\n",
     "((" TEXT_PLAIN "15 2 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"cut\") NIL NIL NIL)"},
    {"inner multipart ended by the outer boundary",
     "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/mixed; "
     "boundary=i\r\n\r\n--i\r\n\r\na\r\n"
     "--o\r\n\r\nb\r\n--o--\r\n",
     "(((" TEXT_PLAIN "1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"i\") NIL NIL NIL)(" TEXT_PLAIN
     "1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"o\") NIL NIL NIL)"},
    {"digest parts are messages",
     "Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: x\r\n\r\nhi\r\n--d--\r\n",
     "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 16 (NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL) (" TEXT_PLAIN
     "2 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL) \"digest\" (\"boundary\" \"d\") NIL NIL NIL)"},
};

static void finish(struct summary_builder *b, struct buf *out) {
    assert_non_null(b);
    assert_int_equal(summary_builder_finish(b, out), 0);
    summary_builder_free(b);
}

static void check_same(const char *name, struct str want, struct buf *got) {
    if (!str_eq(want, buf_str(got))) print_error("%s: differs when fed in pieces\n", name);
    assert_true(str_eq(want, buf_str(got)));
    buf_clear(got);
}

static void feed_in_pieces(struct summary_builder *b, struct str message, unsigned step, bool at_random) {
    for (size_t i = 0; i < message.len;) {
        size_t n = at_random ? 1 + (size_t)rand() % 40 : step;
        struct str piece = str_sub(message, i, n);
        char *copy = malloc(piece.len + 1); /* so that a view kept beyond the call is found by the sanitizer */
        memcpy(copy, piece.ptr, piece.len);
        summary_builder_feed(b, str_of(copy, piece.len));
        free(copy);
        i += piece.len;
    }
}

static void summarize(const char *name, struct str message, struct buf *out) {
    struct summary_builder *b = summary_builder_new();
    summary_builder_feed(b, message);
    finish(b, out);
    BUF_AUTO again = BUF_INIT(SUMMARY_MAX);
    for (unsigned round = 0; round < 12; round++) {
        b = summary_builder_new();
        feed_in_pieces(b, message, 1 + round, round > 4);
        finish(b, &again);
        check_same(name, buf_str(out), &again);
    }
}

static void structures(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO bytes = BUF_INIT(SUMMARY_MAX);
        summarize(cases[i].name, str_from(cases[i].message), &bytes);
        struct summary s;
        assert_int_equal(summary_parse(buf_str(&bytes), &s), 0);
        if (!str_eq(s.bodystructure, str_from(cases[i].structure))) {
            print_error("%s:\n got %.*s\nwant %s\n", cases[i].name, STR_ARG(s.bodystructure), cases[i].structure);
        }
        assert_true(str_eq(s.bodystructure, str_from(cases[i].structure)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

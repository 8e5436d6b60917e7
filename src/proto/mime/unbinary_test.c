/* Tests of unbinary.c, whole and byte by byte. RFC 3516 section 4.4, RFC 2046 section 5.1.1. */
#include "proto/mime/unbinary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LIT(text)                                                                                                      \
    { text, sizeof(text) - 1 }

static const struct {
    const char *name;
    struct str in, out;
} cases[] = {
    {"nothing binary", LIT("A: b\r\n\r\ntext\r\n"), LIT("A: b\r\n\r\ntext\r\n")},
    {"a NUL elsewhere", LIT("A: b\r\n\r\nx\0y\r\n"), LIT("A: b\r\n\r\nx\x80y\r\n")},
    {"a whole message", LIT("Content-Transfer-Encoding: binary\r\nA: b\r\n\r\n\0\1\2"),
     LIT("Content-Transfer-Encoding: base64\r\nA: b\r\n\r\nAAEC\r\n")},
    {"a NUL in a header that is changed", LIT("X: a\0b\r\nContent-Transfer-Encoding: binary\r\n\r\nab"),
     LIT("X: a\x80"
         "b\r\nContent-Transfer-Encoding: base64\r\n\r\nYWI=\r\n")},
    {"a NUL behind a boundary", LIT("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x--\0\r\n"),
     LIT("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x--\x80\r\n")},
    {"its last line end belongs to it", LIT("Content-Transfer-Encoding: BINARY (x)\r\n\r\nab\r\n"),
     LIT("Content-Transfer-Encoding: base64\r\n\r\nYWINCg==\r\n")},
    {"lines of base64",
     LIT("Content-Transfer-Encoding: binary\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
     LIT("Content-Transfer-Encoding: base64\r\n\r\n"
         "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh\r\nYWFhYQ==\r\n")},
    {"parts: the line end before a boundary belongs to it",
     LIT("Content-Type: multipart/mixed; boundary=\"b b\"\r\nContent-Transfer-Encoding: binary\r\n\r\npre\r\n--b b\r\n"
         "Content-Transfer-Encoding: binary\r\n\r\n\0\r\n--b bc\r\n\r--b b\r\n--b b \r\n\r\nplain\r\n--b "
         "b--\r\nend\r\n"),
     LIT("Content-Type: multipart/mixed; boundary=\"b b\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\npre\r\n--b b\r\n"
         "Content-Transfer-Encoding: base64\r\n\r\nAA0KLS1iIGJjDQoNLS1iIGI=\r\n--b b \r\n\r\nplain\r\n--b "
         "b--\r\nend\r\n")},
    {"a message in a part, and a multipart in it",
     LIT("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n"
         "Content-Transfer-Encoding: binary\r\n\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n"
         "Content-Transfer-Encoding: binary\r\n\r\n\0\r\n--x\r\n\r\nz\r\n--x--"),
     LIT("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n"
         "Content-Transfer-Encoding: 8bit\r\n\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n"
         "Content-Transfer-Encoding: base64\r\n\r\nAA==\r\n--x\r\n\r\nz\r\n--x--")},
    {"a header without an end", LIT("A: b\r\nC: d"), LIT("A: b\r\nC: d")},
    {"a part without a body", LIT("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nA: b\r\n--x--\r\n"),
     LIT("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nA: b\r\n--x--\r\n")},
};

static void convert(size_t step) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct unbinary *u = unbinary_new();
        BUF_AUTO out = BUF_INIT(10000);
        for (size_t at = 0; at < cases[i].in.len; at += step)
            assert_int_equal(unbinary_feed(u, str_sub(cases[i].in, at, step), &out), 0);
        assert_int_equal(unbinary_finish(u, &out), 0);
        if (!str_eq(buf_str(&out), cases[i].out)) fail_msg("%s (%zu): %s", cases[i].name, step, buf_cstr(&out));
        unbinary_free(u);
    }
}

static void whole(void **state) {
    (void)state;
    convert(SIZE_MAX / 2);
}

static void in_pieces(void **state) {
    (void)state;
    convert(1);
    convert(7);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole), cmocka_unit_test(in_pieces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

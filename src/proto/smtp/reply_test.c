/* Unit tests of reply.c: RFC 5321 section 4.2, RFC 2034 section 4, RFC 3463 section 2. */
#include "proto/smtp/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void run(struct str in, size_t step, struct buf *told) {
    struct smtp_reply_parser p;
    smtp_reply_parser_init(&p);
    BUF_AUTO waiting = BUF_INIT(64 * 1024);
    bool failed = false;
    for (size_t fed = 0; fed < in.len && !failed;) {
        struct str piece = str_sub(in, fed, step);
        buf_add(&waiting, piece);
        fed += piece.len;
        for (enum parse rc = PARSE_EVENT; rc == PARSE_EVENT;) {
            size_t used = 0;
            struct smtp_reply r;
            struct error err = {0};
            rc = smtp_reply_next(&p, buf_str(&waiting), &used, &r, &err);
            if (rc == PARSE_EVENT) buf_printf(told, "{%u %s|%.*s|%u}", r.code, r.enhanced, STR_ARG(r.text), r.lines);
            if (rc == PARSE_ERROR) buf_printf(told, "error");
            failed = rc == PARSE_ERROR;
            buf_consume(&waiting, used);
        }
    }
    smtp_reply_parser_done(&p);
}

static void replies(void **state) {
    (void)state;
    static const struct {
        const char *in, *told;
    } cases[] = {
        {"220 mail.example.test ESMTP\r\n", "{220 |mail.example.test ESMTP|1}"},
        {"250\r\n", "{250 ||1}"},
        {"250 \r\n", "{250 ||1}"},
        {"250 2.1.0 Ok\r\n", "{250 2.1.0|Ok|1}"},
        {"550 5.1.1\r\n", "{550 5.1.1||1}"},
        {"550-5.7.1 a\r\n550-5.7.1 b\r\n550 5.7.1 c\r\n", "{550 5.7.1|a\nb\nc|3}"},
        {"250-a\r\n250-\r\n250 b\r\n221 bye\r\n", "{250 |a\n\nb|3}{221 |bye|1}"},
        {"250 5.1.0 class differs\r\n", "{250 |5.1.0 class differs|1}"},
        {"550 5.1234.0 x\r\n", "{550 |5.1234.0 x|1}"},
        {"550 5.1.x\r\n", "{550 |5.1.x|1}"},
        {"550 5.7.1: x\r\n", "{550 |5.7.1: x|1}"},
        {"354 2.0.0 x\r\n", "{354 |2.0.0 x|1}"},
        {"251-a\r\n250 b\r\n", "{250 |a\nb|2}"},
        {"250-a\r\n550 b\r\n", "error"},
        {"hello\r\n", "error"},
        {"25\r\n", "error"},
        {"199 x\r\n", "error"},
        {"600 x\r\n", "error"},
        {"250x\r\n", "error"},
        {"250 x\n", "error"},
        {"\r\n", "error"},
        {"250 half", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t step = 1; step < 60; step += 7) {
            BUF_AUTO told = BUF_INIT(4096);
            run(str_from(cases[i].in), step, &told);
            assert_string_equal(buf_cstr(&told), cases[i].told);
        }
}

static void limits(void **state) {
    (void)state;
    BUF_AUTO in = BUF_INIT(100000);
    BUF_AUTO told = BUF_INIT(4096);
    buf_adds(&in, "250 ");
    while (in.len <= SMTP_REPLY_LINE_MAX) buf_addc(&in, 'x');
    run(buf_str(&in), 1000, &told);
    assert_string_equal(buf_cstr(&told), "error");
    buf_clear(&in);
    buf_clear(&told);
    for (int i = 0; i <= SMTP_REPLY_LINES_MAX; i++) buf_adds(&in, "250-x\r\n");
    run(buf_str(&in), 1000, &told);
    assert_string_equal(buf_cstr(&told), "error");
}

static void format(void **state) {
    (void)state;
    static const struct {
        unsigned code;
        const char *enhanced, *text, *out;
    } cases[] = {
        {250, "2.0.0", "Ok", "250 2.0.0 Ok\r\n"},
        {354, NULL, "Go", "354 Go\r\n"},
        {250, "", "a\nb\nc", "250-a\r\n250-b\r\n250 c\r\n"},
        {550, "5.7.1", "a\nb", "550-5.7.1 a\r\n550 5.7.1 b\r\n"},
        {550, "5.1.1", "x\r250 ok\x7f", "550 5.1.1 x?250 ok?\r\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        BUF_AUTO out = BUF_INIT(1000);
        smtp_reply_format(&out, cases[i].code, cases[i].enhanced, str_from(cases[i].text));
        assert_string_equal(buf_cstr(&out), cases[i].out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(replies), cmocka_unit_test(limits), cmocka_unit_test(format)};
    return cmocka_run_group_tests_name("smtp reply", tests, NULL, NULL);
}

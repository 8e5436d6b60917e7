/* Unit tests of line.c: RFC 5321 sections 2.3.8 and 4.5.3.1.4, RFC 4954 section 4. */
#include "proto/smtp/line.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Feeds `in` in pieces of `step` bytes and writes down what came: "[line]", "(long)", "(lf:line)". */
static void run(struct str in, size_t step, bool auth, struct buf *told) {
    struct smtp_lines l = {0};
    BUF_AUTO waiting = BUF_INIT(200000);
    for (size_t fed = 0; fed < in.len;) {
        struct str piece = str_sub(in, fed, step);
        buf_add(&waiting, piece);
        fed += piece.len;
        for (;;) {
            size_t used = 0;
            enum smtp_line_event event;
            struct str line = STR_EMPTY;
            enum parse rc = smtp_line_next(&l, buf_str(&waiting), auth, &used, &event, &line);
            if (rc == PARSE_EVENT && event == SMTP_LINE) buf_printf(told, "[%.*s]", STR_ARG(line));
            if (rc == PARSE_EVENT && event == SMTP_LINE_BARE_LF) buf_printf(told, "(lf:%.*s)", STR_ARG(line));
            if (rc == PARSE_EVENT && event == SMTP_LINE_TOO_LONG) buf_adds(told, "(long)");
            buf_consume(&waiting, used);
            if (rc == PARSE_MORE) break;
        }
    }
}

static void lines(void **state) {
    (void)state;
    static const struct {
        const char *in, *told;
    } cases[] = {
        {"EHLO a\r\nMAIL\r\n", "[EHLO a][MAIL]"},
        {"\r\n", "[]"},
        {"a\nb\r\n", "(lf:a)[b]"},
        {"\n", "(lf:)"},
        {"a\rb\r\n", "[a\rb]"},
        {"a\r\r\n", "[a\r]"},
        {"a\n\r\n", "(lf:a)[]"},
        {"half", ""},
        {"half\r", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t step = 1; step < 9; step++) {
            BUF_AUTO told = BUF_INIT(1024);
            run(str_from(cases[i].in), step, false, &told);
            assert_string_equal(buf_cstr(&told), cases[i].told);
        }
}

static void limits(void **state) {
    (void)state;
    static const struct {
        const char *start;
        size_t len; /* of the line without CRLF */
        bool auth, fits;
    } cases[] = {
        {"X", SMTP_LINE_MAX - 2, false, true},
        {"X", SMTP_LINE_MAX - 1, false, false},
        {"X", SMTP_LINE_MAX, false, false},
        {"X", 100000, false, false},
        {"AUTH ", SMTP_AUTH_LINE_MAX - 2, false, true},
        {"auth ", SMTP_AUTH_LINE_MAX - 1, false, false},
        {"AUTHX", SMTP_LINE_MAX, false, false},
        {"X", SMTP_AUTH_LINE_MAX - 2, true, true},
        {"X", SMTP_AUTH_LINE_MAX, true, false},
    };
    static const size_t steps[] = {1, 7, 4096, SIZE_MAX};
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t s = 0; s < COUNT(steps); s++) {
            BUF_AUTO in = BUF_INIT(200000);
            buf_adds(&in, cases[i].start);
            while (in.len < cases[i].len) buf_addc(&in, 'x');
            buf_adds(&in, "\r\nNOOP\r\n");
            BUF_AUTO told = BUF_INIT(200000);
            run(buf_str(&in), steps[s], cases[i].auth, &told);
            if (cases[i].fits)
                assert_true(told.len == cases[i].len + 2 + 6 && told.ptr[0] == '[');
            else
                assert_string_equal(buf_cstr(&told), "(long)[NOOP]");
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(limits)};
    return cmocka_run_group_tests_name("smtp line", tests, NULL, NULL);
}

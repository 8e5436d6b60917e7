/* Lines, commands and dot-stuffing of POP3 (RFC 1939, 2449, 5034, 6856), whole and octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "proto/pop3/command.h"
#include "proto/pop3/stuff.h"

enum { TEXT_MAX = 64 * 1024 };

/* Describes what a stream of bytes gives: line| for each, LONG|, BARE|. The input comes `step` bytes at a time. */
static void cut_lines(struct str in, size_t step, bool auth, struct buf *out) {
    struct pop3_lines l = {.scanned = 0};
    struct buf waiting = BUF_INIT(TEXT_MAX);
    for (size_t at = 0; at < in.len; at += step) {
        buf_add(&waiting, str_sub(in, at, step));
        size_t used;
        enum pop3_line_event event;
        struct str line;
        while (pop3_line_next(&l, buf_str(&waiting), auth, &used, &event, &line) == PARSE_EVENT) {
            if (event == POP3_LINE) buf_add(out, line);
            if (event == POP3_LINE_TOO_LONG) buf_adds(out, "LONG");
            if (event == POP3_LINE_BARE_LF) buf_adds(out, "BARE");
            buf_addc(out, '|');
            buf_consume(&waiting, used);
        }
        buf_consume(&waiting, used);
        assert_true(waiting.len <= POP3_AUTH_LINE_MAX);
    }
    buf_done(&waiting);
}

static void lines(void **state) {
    (void)state;
    char *too_long = malloc(POP3_AUTH_LINE_MAX + 100);
    memset(too_long, 'x', POP3_AUTH_LINE_MAX + 99);
    memcpy(too_long + POP3_LINE_MAX + 1, "\r\nNOOP\r\n", 9);
    const struct {
        const char *input, *want;
        bool auth;
    } cases[] = {
        {"STAT\r\nNOOP\r\n", "STAT|NOOP|", false}, {"\r\n", "|", false},      {"STAT\nNOOP\r\n", "BARE|NOOP|", false},
        {"STAT\rx\r\n", "STAT\rx|", false},        {"incomplete", "", false}, {too_long, "LONG|NOOP|", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t step = strlen(cases[i].input); step > 0; step = step == 1              ? 0
                                                                    : step / 3 + 1 == step ? 1
                                                                                           : step / 3 + 1) {
            BUF_AUTO got = BUF_INIT(TEXT_MAX);
            cut_lines(str_from(cases[i].input), step, cases[i].auth, &got);
            assert_string_equal(buf_cstr(&got), cases[i].want);
        }
    }
    memset(too_long, 'x', POP3_LINE_MAX + 50);
    memcpy(too_long, "auth ", 5);
    memcpy(too_long + POP3_LINE_MAX + 48, "\r\n", 3);
    BUF_AUTO got = BUF_INIT(TEXT_MAX);
    cut_lines(str_from(too_long), 100, false, &got);
    assert_int_equal(got.len, POP3_LINE_MAX + 49); /* RFC 5034 section 4: AUTH lines are longer */
    free(too_long);
}

static void commands(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int rc;
        const char *want; /* verb, number, lines, <text>, [initial] */
    } cases[] = {
        {"STAT", 0, "STAT 0 0 <> []"},
        {"stat ", 0, "STAT 0 0 <> []"},
        {"STAT x", ERR_INVALID, ""},
        {"LIST", 0, "LIST 0 0 <> []"},
        {"LIST 7", 0, "LIST 7 0 <> []"},
        {"LIST x", ERR_INVALID, ""},
        {"RETR 12", 0, "RETR 12 0 <> []"},
        {"RETR", ERR_INVALID, ""},
        {"RETR -1", ERR_INVALID, ""},
        {"RETR 99999999999999999999", 0, "RETR 0 0 <> []"},
        {"TOP 1 10", 0, "TOP 1 10 <> []"},
        {"TOP 1", ERR_INVALID, ""},
        {"TOP 1 2 3", ERR_INVALID, ""},
        {"UIDL 3", 0, "UIDL 3 0 <> []"},
        {"USER ann@a.example", 0, "USER 0 0 <ann@a.example> []"},
        {"USER", ERR_INVALID, ""},
        {"PASS  two words ", 0, "PASS 0 0 < two words > []"},
        {"AUTH", 0, "AUTH 0 0 <> []"},
        {"AUTH PLAIN", 0, "AUTH 0 0 <PLAIN> []"},
        {"AUTH PLAIN AGE=", 0, "AUTH 0 0 <PLAIN> [AGE=]"},
        {"AUTH EXTERNAL =", 0, "AUTH 0 0 <EXTERNAL> []"},
        {"AUTH PLAIN a b", ERR_INVALID, ""},
        {"LANG", 0, "LANG 0 0 <> []"},
        {"LANG en", 0, "LANG 0 0 <en> []"},
        {"UTF8", 0, "UTF8 0 0 <> []"},
        {"HELO", ERR_UNSUPPORTED, ""},
        {"", ERR_UNSUPPORTED, ""},
        {"STATUS", ERR_UNSUPPORTED, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pop3_command c;
        const char *reason = NULL;
        int rc = pop3_command_parse(str_from(cases[i].line), &c, &reason);
        if (rc != cases[i].rc) print_error("%s: %s\n", cases[i].line, err_name(rc));
        assert_int_equal(rc, cases[i].rc);
        if (rc == ERR_INVALID) assert_non_null(reason);
        if (rc != 0) continue;
        BUF_AUTO got = BUF_INIT(TEXT_MAX);
        buf_printf(&got, "%s %u %llu <%.*s> [%.*s]", pop3_verb_name(c.verb), c.number, (unsigned long long)c.lines,
                   STR_ARG(c.text), STR_ARG(c.initial));
        assert_string_equal(buf_cstr(&got), cases[i].want);
    }
}

static void stuff(struct pop3_stuff *s, struct str in, size_t step, struct buf *out) {
    for (size_t at = 0; at < in.len; at += step) {
        struct str piece = str_sub(in, at, step), insert, run;
        while (pop3_stuff_next(s, &piece, &insert, &run)) {
            buf_add(out, insert);
            buf_add(out, run);
        }
    }
    buf_add(out, pop3_stuff_end(s));
}

static void stuffing(void **state) {
    (void)state;
    static const struct {
        const char *in, *want;
        int top; /* -1: RETR */
    } cases[] = {
        {"", ".\r\n", -1},
        {"a: b\r\n\r\ntext\r\n", "a: b\r\n\r\ntext\r\n.\r\n", -1},
        {"no end", "no end\r\n.\r\n", -1},
        {".\r\n..\r\n.a\r\n", "..\r\n...\r\n..a\r\n.\r\n", -1},
        {"a\r\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n", -1},
        {"a\n.\nb\n\nc", "a\r\n..\r\nb\r\n\r\nc\r\n.\r\n", -1},
        {"a\r", "a\r\r\n.\r\n", -1},
        {"a\r.\r\n", "a\r.\r\n.\r\n", -1},
        {"H: 1\r\n\r\n1\r\n2\r\n3\r\n", "H: 1\r\n\r\n1\r\n2\r\n.\r\n", 2},
        {"H: 1\r\n\r\n1\r\n2\r\n", "H: 1\r\n\r\n.\r\n", 0},
        {"H: 1\r\n\r\n1\r\n2", "H: 1\r\n\r\n1\r\n2\r\n.\r\n", 9},
        {"H: 1\r\n", "H: 1\r\n.\r\n", 5},
        {"H: 1\n\n1\n.2\n", "H: 1\r\n\r\n1\r\n..2\r\n.\r\n", 2},
        {"\r\n1\r\n2\r\n", "\r\n1\r\n.\r\n", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t step = 1; step < 20; step++) {
            struct pop3_stuff s;
            BUF_AUTO got = BUF_INIT(TEXT_MAX);
            if (cases[i].top < 0) {
                pop3_stuff_init(&s);
            } else {
                pop3_stuff_init_top(&s, (uint64_t)cases[i].top);
            }
            stuff(&s, str_from(cases[i].in), step, &got);
            assert_string_equal(buf_cstr(&got), cases[i].want);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(commands),
        cmocka_unit_test(stuffing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

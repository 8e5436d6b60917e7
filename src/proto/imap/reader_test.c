/* Tests of reader.c: each case whole and byte by byte. RFC 9051 section 4.3, RFC 7888. */
#include "proto/imap/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LINE_MAX_HERE = 60, LITERALS_MAX = 20 };

/* What the reader tells, one letter an event: C<text>; "+" continue; M<text>:size message; F<fault> fault. */
static void run(struct str in, size_t step, struct buf *out) {
    struct imap_reader r;
    imap_reader_init(&r, &(struct imap_reader_limits){LINE_MAX_HERE, LITERALS_MAX});
    size_t at = 0, have = step;
    uint64_t message = 0;
    bool in_message = false;
    while (at < in.len) {
        if (have > in.len) have = in.len;
        if (in_message) {
            uint64_t n = have - at < message ? have - at : message;
            at += n;
            message -= n;
            if (message == 0) {
                in_message = false;
                imap_reader_resume(&r);
            } else {
                have += step;
            }
            continue;
        }
        size_t used = 0;
        enum imap_parse result = imap_reader_feed(&r, str_sub(in, at, have - at), &used);
        at += used;
        if (result == IMAP_MORE) {
            assert_true(at == have);
            have += step;
            continue;
        }
        if (result == IMAP_ERROR) {
            buf_printf(out, "F%d;", (int)r.fault);
            imap_reader_reset(&r);
        } else if (r.event == IMAP_EVENT_CONTINUE) {
            buf_adds(out, "+;");
        } else if (r.event == IMAP_EVENT_MESSAGE) {
            buf_printf(out, "M%s:%u%s%s;", buf_cstr(&r.text), (unsigned)r.message_size, r.message_sync ? "" : "+",
                       r.message_binary ? "~" : "");
            if (r.message_size > 100) {
                imap_reader_discard(&r, r.message_size, false);
            } else {
                in_message = true;
                message = r.message_size;
                if (message == 0) {
                    in_message = false;
                    imap_reader_resume(&r);
                }
            }
        } else {
            buf_printf(out, "C%s;", buf_cstr(&r.text));
            imap_reader_reset(&r);
        }
    }
    imap_reader_done(&r);
}

#define X60 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void reader_cases(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"a NOOP\r\n", "Ca NOOP;"},
        {"a NOOP\r\nb CAPABILITY\r\n", "Ca NOOP;Cb CAPABILITY;"},
        {"a NOOP", ""},
        {"\r\n", "C;"},
        /* only CRLF ends a line */
        {"a NO\nOP\r\n", "Ca NO\nOP;"},
        {"a NO\rOP\r\n", "Ca NO\rOP;"},
        /* synchronizing and non-synchronizing literals stay in place */
        {"a LOGIN {3}\r\nbob {2+}\r\npw\r\n", "+;Ca LOGIN {3}\r\nbob {2+}\r\npw;"},
        {"a LOGIN {0}\r\n {0+}\r\n\r\n", "+;Ca LOGIN {0}\r\n {0+}\r\n;"},
        /* what looks like the end of the line inside a literal is none; CR at its end neither */
        {"a X {4}\r\na\r\nb\r\n", "+;Ca X {4}\r\na\r\nb;"},
        {"a X {1}\r\n\r\n\r\n", "+;Ca X {1}\r\n\r\n;"},
        /* no literal inside a quoted string */
        {"a X \"{3}\r\n", "Ca X \"{3};"},
        {"a X \"\\\"\" {1}\r\nz\r\n", "+;Ca X \"\\\"\" {1}\r\nz;"},
        {"a X {x}\r\nb NOOP\r\n", "F3;Cb NOOP;"},
        {"a X {99999999999}\r\nb NOOP\r\n", "F3;Cb NOOP;"},
        {"a X {4294967296}\r\nb NOOP\r\n", "F3;Cb NOOP;"},
        /* too large: a synchronizing literal is not sent then; a non-synchronizing one is skipped with its line */
        {"a X {21}\r\nb NOOP\r\n", "F2;Cb NOOP;"},
        {"a X {21+}\r\n123456789012345678901 rest\r\nb NOOP\r\n", "F2;Cb NOOP;"},
        {"a X {21+}\r\n123456789012345678901 {3+}\r\nabc d\r\nb NOOP\r\n", "F2;Cb NOOP;"},
        {"a X {21+}\r\n123456789012345678901 {3}\r\nb NOOP\r\n", "F2;Cb NOOP;"},
        {"a X {11+}\r\n12345678901 {11+}\r\n12345678901 r\r\nb NOOP\r\n", "F2;Cb NOOP;"},
        /* line too long: skipped, with a literal at its end */
        {"a " X60 "\r\nb NOOP\r\n", "F1;Cb NOOP;"},
        {"a " X60 X60 X60 "\r\nb NOOP\r\n", "F1;Cb NOOP;"},
        {"a " X60 X60 " {9+}\r\nc NOOP\r\nx y\r\nb NOOP\r\n", "F1;Cb NOOP;"},
        {"a " X60 X60 " {9}\r\nb NOOP\r\n", "F1;Cb NOOP;"},
        {X60 "\r\n", "C" X60 ";"},
        {X60 "x\r\na NOOP\r\n", "F1;Ca NOOP;"},
        /* the message of APPEND is not gathered (RFC 9051 section 6.3.12) */
        {"a APPEND box {5}\r\nhello\r\nb NOOP\r\n", "Ma APPEND box :5;C;Cb NOOP;"},
        {"a append \"b x\" (\\Seen) {5+}\r\nhello\r\n", "Ma append \"b x\" (\\Seen) :5+;C;"},
        {"a APPEND {3}\r\nbox {5}\r\nhello\r\n", "+;Ma APPEND {3}\r\nbox :5;C;"},
        {"a APPEND box ~{5}\r\nhello\r\n", "Ma APPEND box :5~;C;"},
        {"a APPEND box UTF8 (~{5}\r\nhello)\r\n", "Ma APPEND box UTF8 (:5~;C);"},
        /* RFC 3502 MULTIAPPEND */
        {"a APPEND box {2}\r\nhi (\\Seen) {3+}\r\nyou\r\n", "Ma APPEND box :2;M (\\Seen) :3+;C;"},
        {"a APPEND box {0}\r\n\r\n", "Ma APPEND box :0;C;"},
        {"a APPENDX box {2}\r\nhi\r\n", "+;Ca APPENDX box {2}\r\nhi;"},
        /* refused messages */
        {"a APPEND box {101}\r\nb NOOP\r\n", "Ma APPEND box :101;Cb NOOP;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t step = 1; step < 8; step++) {
            BUF_AUTO out = BUF_INIT(4096);
            run(str_from(cases[i].in), step == 7 ? SIZE_MAX / 2 : step, &out);
            if (strcmp(buf_cstr(&out), cases[i].out) != 0)
                fail_msg("case %zu step %zu: got \"%s\" want \"%s\"", i, step, buf_cstr(&out), cases[i].out);
        }
    }
}

/* A refused non-synchronizing message is skipped whole. */
static void reader_discards(void **state) {
    (void)state;
    BUF_AUTO in = BUF_INIT(4096);
    buf_adds(&in, "a APPEND box {500+}\r\n");
    for (int i = 0; i < 50; i++) buf_adds(&in, "0123456\r\n.");
    buf_adds(&in, " (\\Seen) {3+}\r\nabc\r\nb NOOP\r\n");
    for (size_t step = 1; step < 3000; step += 7) {
        BUF_AUTO out = BUF_INIT(4096);
        run(buf_str(&in), step, &out);
        assert_string_equal(buf_cstr(&out), "Ma APPEND box :500+;Cb NOOP;");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reader_cases), cmocka_unit_test(reader_discards)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

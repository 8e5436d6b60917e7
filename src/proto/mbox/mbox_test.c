/* mbox files, whole and byte by byte: RFC 4155, quoting of "From " lines. */
#include "proto/mbox/mbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { OUT_MAX = 4096 };

static void on_begin(void *arg, struct str from) {
    buf_printf(arg, "[%.*s|", STR_ARG(from));
}
static void on_data(void *arg, struct str bytes) {
    buf_add(arg, bytes);
}
static void on_end(void *arg) {
    buf_adds(arg, "]");
}
static const struct mbox_events events = {.begin = on_begin, .data = on_data, .end = on_end};

static const struct {
    const char *in, *out;
} cases[] = {
    {"", ""},
    {"From a b\n", "[From a b|]"},
    {"From a", "[From a|]"},
    {"From a b\r\nA: b\r\n\r\nx\r\n\r\n", "[From a b|A: b\r\n\r\nx\r\n]"},
    {"From a\nA: b\n\nx\n\nFrom c\ny\n\n", "[From a|A: b\n\nx\n][From c|y\n]"},
    {"From a\nx\nFrom b\n\n", "[From a|x\nFrom b\n]"}, /* no empty line before it */
    {"From a\n\n>From b\n>>From c\n>x\n", "[From a|\nFrom b\n>From c\n>x\n]"},
    {"From a\nx\n\n\n\n", "[From a|x\n\n\n]"},
    {"From a\nx", "[From a|x]"},
    {"From a\nFro", "[From a|Fro]"},
    {"junk\nFrom a\nx\n", "[From a|x\n]"},
    {"From a\n\rx\n\r\n", "[From a|\rx\n]"},
    {"From a\n>>>\n", "[From a|>>>\n]"},
};

static void test_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str in = str_from(cases[i].in);
        for (size_t step = 1; step <= (in.len > 0 ? in.len : 1); step++) {
            BUF_AUTO out = BUF_INIT(OUT_MAX);
            struct mbox m;
            mbox_init(&m, &events, &out);
            for (size_t at = 0; at < in.len; at += step) mbox_feed(&m, str_sub(in, at, step));
            mbox_finish(&m);
            assert_string_equal(buf_cstr(&out), cases[i].out);
            mbox_done(&m);
        }
    }
}

/* Content-Length is believed when a message ends there. */
static const char *file;
static enum mbox_length length(void *arg, uint64_t header, uint64_t body, uint64_t end) {
    (void)arg;
    assert_memory_equal(file + body - 2, "\n\n", 2);
    assert_true(header < body && file[header - 1] == '\n');
    if (end > strlen(file)) return MBOX_NOT_BELIEVED;
    const char *rest = file + end;
    if (*rest == '\n') rest++;
    if (*rest != '\0' && strncmp(rest, "From ", 5) != 0) return MBOX_NOT_BELIEVED;
    const char *from = strstr(file + body - 1, "\nFrom ");
    return from != NULL && from < file + end - 1 ? MBOX_VERBATIM : MBOX_QUOTED;
}

static const struct {
    const char *in, *out;
} length_cases[] = {
    {"From a\nContent-Length: 11\n\nx\n\nFrom b\n\nFrom c\n\ny\n",
     "[From a|Content-Length: 11\n\nx\n\nFrom b\n][From c|\ny\n]"},
    {"From a\ncontent-length:10\n\nx\n\nFrom b\n", "[From a|content-length:10\n\nx\n\nFrom b\n]"},
    {"From a\nContent-Length: 10\n\nx\n\nFrom b\n\nFrom c\n\ny\n",
     "[From a|Content-Length: 10\n\nx\n\nFrom b\n][From c|\ny\n]"},
    /* quoted, and with a line "From " which says that nothing is; the next message is looked at anew */
    {"From a\nContent-Length: 9\n\n>From b\n\n\nFrom c\n\n>From d\n",
     "[From a|Content-Length: 9\n\nFrom b\n\n][From c|\nFrom d\n]"},
    {"From a\nContent-Length: 17\n\n>From b\n\nFrom c\n\n\nFrom d\n\n>From e\n",
     "[From a|Content-Length: 17\n\n>From b\n\nFrom c\n\n][From d|\nFrom e\n]"},
    {"From a\nContent-Length: 1\n\nx\nFrom b\n\ny\n", "[From a|Content-Length: 1\n\nx\n][From b|\ny\n]"},
    /* wrong ones: too long, too short, of another message, no number */
    {"From a\nContent-Length: 99\n\nx\n\nFrom b\n", "[From a|Content-Length: 99\n\nx\n][From b|]"},
    {"From a\nContent-Length: 1\n\nx\n\nFrom b\n\ny\n", "[From a|Content-Length: 1\n\nx\n][From b|\ny\n]"},
    {"From a\nContent-Length: x\n\nx\n\nFrom b\n", "[From a|Content-Length: x\n\nx\n][From b|]"},
    {"From a\n\nContent-Length: 20\n\nFrom b\n", "[From a|\nContent-Length: 20\n][From b|]"},
};

static void test_length(void **state) {
    static const struct mbox_events with_length = {on_begin, on_data, on_end, length};
    (void)state;
    for (size_t i = 0; i < sizeof length_cases / sizeof length_cases[0]; i++) {
        struct str in = str_from(file = length_cases[i].in);
        for (size_t step = 1; step <= in.len; step++) {
            BUF_AUTO out = BUF_INIT(OUT_MAX);
            struct mbox m;
            mbox_init(&m, &with_length, &out);
            for (size_t at = 0; at < in.len; at += step) mbox_feed(&m, str_sub(in, at, step));
            mbox_finish(&m);
            assert_string_equal(buf_cstr(&out), length_cases[i].out);
            mbox_done(&m);
        }
    }
}

/* More ">" than are looked at together. */
static void test_quotes(void **state) {
    (void)state;
    for (size_t n = MBOX_HEAD_MAX / 2 - 8; n < 2 * MBOX_HEAD_MAX; n += n % 7 == 0 ? MBOX_HEAD_MAX / 2 - 5 : 1) {
        BUF_AUTO in = BUF_INIT(4 * OUT_MAX);
        BUF_AUTO want = BUF_INIT(4 * OUT_MAX);
        BUF_AUTO out = BUF_INIT(4 * OUT_MAX);
        struct mbox m;
        buf_adds(&in, "From a\nx\n\n");
        buf_adds(&want, "[From a|x\n\n");
        for (size_t i = 0; i < n; i++) {
            buf_addc(&in, '>');
            if (i > 0) buf_addc(&want, '>');
        }
        buf_adds(&in, n % 2 ? "From b\n" : "Fromb\n");
        buf_adds(&want, n % 2 ? "From b\n]" : ">Fromb\n]");
        mbox_init(&m, &events, &out);
        for (size_t at = 0; at < in.len; at += n % 3 == 0 ? 1 : 900)
            mbox_feed(&m, str_sub(buf_str(&in), at, n % 3 == 0 ? 1 : 900));
        mbox_finish(&m);
        assert_string_equal(buf_cstr(&out), buf_cstr(&want));
        mbox_done(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_length),
                                       cmocka_unit_test(test_quotes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
static bool ends_at(void *arg, uint64_t at) {
    (void)arg;
    if (at > strlen(file)) return false;
    const char *rest = file + at;
    if (*rest == '\n') rest++;
    return *rest == '\0' || strncmp(rest, "From ", 5) == 0;
}

static const struct {
    const char *in, *out;
} length_cases[] = {
    {"From a\nContent-Length: 11\n\nx\n\nFrom b\n\nFrom c\n\ny\n",
     "[From a|Content-Length: 11\n\nx\n\nFrom b\n][From c|\ny\n]"},
    {"From a\ncontent-length:10\n\nx\n\nFrom b\n", "[From a|content-length:10\n\nx\n\nFrom b\n]"},
    {"From a\nContent-Length: 10\n\nx\n\nFrom b\n\nFrom c\n\ny\n",
     "[From a|Content-Length: 10\n\nx\n\nFrom b\n][From c|\ny\n]"},
    /* wrong ones: too long, too short, of another message, no number */
    {"From a\nContent-Length: 99\n\nx\n\nFrom b\n", "[From a|Content-Length: 99\n\nx\n][From b|]"},
    {"From a\nContent-Length: 1\n\nx\n\nFrom b\n\ny\n", "[From a|Content-Length: 1\n\nx\n][From b|\ny\n]"},
    {"From a\nContent-Length: x\n\nx\n\nFrom b\n", "[From a|Content-Length: x\n\nx\n][From b|]"},
    {"From a\n\nContent-Length: 20\n\nFrom b\n", "[From a|\nContent-Length: 20\n][From b|]"},
};

static void test_length(void **state) {
    static const struct mbox_events with_ends = {on_begin, on_data, on_end, ends_at};
    (void)state;
    for (size_t i = 0; i < sizeof length_cases / sizeof length_cases[0]; i++) {
        struct str in = str_from(file = length_cases[i].in);
        for (size_t step = 1; step <= in.len; step++) {
            BUF_AUTO out = BUF_INIT(OUT_MAX);
            struct mbox m;
            mbox_init(&m, &with_ends, &out);
            for (size_t at = 0; at < in.len; at += step) mbox_feed(&m, str_sub(in, at, step));
            mbox_finish(&m);
            assert_string_equal(buf_cstr(&out), length_cases[i].out);
            mbox_done(&m);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_length)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

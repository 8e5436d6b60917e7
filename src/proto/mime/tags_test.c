/* Tags as header fields (DNSBL-11) and the filter that takes them out (PEER-15), whole and byte by byte. */
#include "proto/mime/tags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *in, *out, *taken;
} cases[] = {
    {"From: a\r\nSubject: b\r\n\r\nbody\r\n", "From: a\r\nSubject: b\r\n\r\nbody\r\n", ""},
    {"X-IEMS-Spam: dnsbl=a.example\r\nFrom: a\r\n\r\nb", "From: a\r\n\r\nb", "X-IEMS-Spam: dnsbl=a.example\r\n"},
    {"From: a\r\nx-iems-spam: dnsbl=a\r\nTo: b\r\nX-Iems-Other:\r\n folded\r\n\tmore\r\n\r\nb",
     "From: a\r\nTo: b\r\n\r\nb", "x-iems-spam: dnsbl=a\r\nX-Iems-Other:\r\n folded\r\n\tmore\r\n"},
    {"X-IEMS-Spam: x\r\n", "", "X-IEMS-Spam: x\r\n"},
    {"X-IEMS-Spam: x", "", "X-IEMS-Spam: x"},
    {"X-IEMS", "X-IEMS", ""}, /* ends amid a line */
    {"X-IEMS: a\r\nX-IE\r\n\r\n", "X-IEMS: a\r\nX-IE\r\n\r\n", ""},
    {"A: b\r\n\r\nX-IEMS-Spam: quoted\r\n", "A: b\r\n\r\nX-IEMS-Spam: quoted\r\n", ""}, /* not in the body */
    {"A: b\n\nX-IEMS-Spam: quoted\n", "A: b\n\nX-IEMS-Spam: quoted\n", ""},
    {"A: b\nX-IEMS-Spam: q\nC: d\n\n", "A: b\nC: d\n\n", "X-IEMS-Spam: q\n"},
    {"A: b\r\n\rX\r\nX-IEMS-Spam: q\r\n\r\n", "A: b\r\n\rX\r\n\r\n",
     "X-IEMS-Spam: q\r\n"}, /* CR alone ends no header */
    {"XX-IEMS-Spam: q\r\n\r\n", "XX-IEMS-Spam: q\r\n\r\n", ""},
    {" X-IEMS-Spam: q\r\n\r\n", " X-IEMS-Spam: q\r\n\r\n", ""}, /* a continuation of something */
    {"X-IEMS-\r\n\r\nb", "\r\nb", "X-IEMS-\r\n"},
    {"", "", ""},
};

static void run(const char *in, size_t step, struct buf *out, struct buf *taken) {
    struct tag_filter f = {.taken = taken};
    struct str rest = str_from(in), piece;
    for (; rest.len > 0; rest = str_sub(rest, step, rest.len)) {
        struct str part = str_sub(rest, 0, step);
        while (tag_filter_next(&f, &part, &piece)) buf_add(out, piece);
        assert_int_equal(part.len, 0);
    }
    buf_add(out, tag_filter_finish(&f));
}

static void filter(void **state) {
    (void)state;
    static const size_t steps[] = {1, 2, 3, 5, 8, 13, 1000};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
            BUF_AUTO out = BUF_INIT(1000);
            BUF_AUTO taken = BUF_INIT(1000);
            run(cases[i].in, steps[k], &out, &taken);
            assert_string_equal(buf_cstr(&out), cases[i].out);
            assert_string_equal(buf_cstr(&taken), cases[i].taken);
        }
    }
}

/* Other fields (RFC 6758 section 3.3). */
static void other_field(void **state) {
    (void)state;
    static const char in[] = "MT-Priority-Of: a\r\nmt-Priority: 4\r\n (high)\r\nX-IEMS-A: b\r\nMT-PRIORITY:9\r\n\r\n"
                             "MT-Priority: 1\r\n";
    for (size_t step = 1; step <= sizeof in; step++) {
        BUF_AUTO out = BUF_INIT(1000);
        struct tag_filter f = {.field = "mt-priority:"};
        struct str piece;
        for (struct str rest = str_from(in); rest.len > 0; rest = str_sub(rest, step, rest.len)) {
            struct str part = str_sub(rest, 0, step);
            while (tag_filter_next(&f, &part, &piece)) buf_add(&out, piece);
        }
        buf_add(&out, tag_filter_finish(&f));
        assert_string_equal(buf_cstr(&out), "MT-Priority-Of: a\r\nX-IEMS-A: b\r\n\r\nMT-Priority: 1\r\n");
    }
}

static void fields(void **state) {
    (void)state;
    static const struct {
        const char *name, *value, *field;
    } valid[] = {
        {"dnsbl", "zen.example.org bl.example.net", "X-IEMS-Spam: dnsbl=zen.example.org bl.example.net\r\n"},
        {"rdns", "none", "X-IEMS-Spam: rdns=none\r\n"},
        {"a", "b=c", "X-IEMS-Spam: a=b=c\r\n"},
        {"empty", "", "X-IEMS-Spam: empty=\r\n"},
        {"bad name", "x", ""},
        {"", "x", ""},
        {"name", "two\r\nlines", ""},
        {"name", "gr\xc3\xbc\xc3\x9f", ""},
    };
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        BUF_AUTO out = BUF_INIT(1000);
        tag_field_format(&out, str_from(valid[i].name), str_from(valid[i].value));
        assert_string_equal(buf_cstr(&out), valid[i].field);
        struct str rest = buf_str(&out), name, value;
        if (valid[i].field[0] == '\0') continue;
        assert_true(tag_field_next(&rest, &name, &value));
        assert_true(str_eq(name, str_from(valid[i].name)) && str_eq(value, str_from(valid[i].value)));
        assert_false(tag_field_next(&rest, &name, &value));
    }
    struct str text = STR("X-IEMS-Other: a=b\r\nx-iems-spam:  dnsbl = z \r\nX-IEMS-Spam: bad name=x\r\nX-IEMS-Spam"),
               name, value;
    assert_true(tag_field_next(&text, &name, &value));
    assert_true(str_eq(name, STR("dnsbl")) && str_eq(value, STR("z")));
    assert_false(tag_field_next(&text, &name, &value));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(filter), cmocka_unit_test(other_field),
                                       cmocka_unit_test(fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

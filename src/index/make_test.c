/* Tests of make.c: whatever a search finds in a message, its signature allows. RFC 9051 section 6.4.4. */
#include "index/make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct reading {
    struct str body;
    size_t step;
    int fails; /* the reads fail with it */
};

static int read_body(void *arg, uint64_t offset, size_t max, struct str *out) {
    struct reading *r = arg;
    if (r->fails != 0) return r->fails;
    *out = str_sub(r->body, (size_t)offset, max < r->step ? max : r->step);
    return out->len > 0 ? 0 : ERR_CORRUPT;
}

static int make(struct str message, size_t step, struct str summary, struct buf *out) {
    struct signature_builder *b = signature_builder_new();
    struct reading r = {message, step, 0};
    struct search_source source = {read_body, &r, message.len};
    int rc = index_make(b, summary, &source, out);
    signature_builder_free(b);
    return rc;
}

static bool may(const struct buf *signature, const char *needle) {
    struct signature_query q;
    char folded[64];
    size_t len = strlen(needle);
    memcpy(folded, needle, len);
    search_fold(folded, len);
    signature_query_make(str_of(folded, len), &q);
    return signature_may_hold(buf_str(signature), &q, STR_EMPTY);
}

static void messages(void **state) {
    (void)state;
    static const struct {
        const char *message, *yes[4], *no[2];
    } cases[] = {
        {"Subject: =?iso-8859-1?q?Gr=DC=DFe?= Zebra\r\n\r\nQuartz text\r\n",
         {"gr\xc3\xbc\xc3\x9f"
          "e zebra",
          "QUARTZ", "artz te", NULL},
         {"xylophone", "iso-8859-1?q"}},
        {"Content-Transfer-Encoding: base64\r\n\r\nWmVicmEgYW5kIHF1YXJ0eg==\r\n",
         {"zebra and", "quartz", NULL},
         {"wmvicmeg", "xylophone"}},
        {"Content-Type: text/html; charset=utf-8\r\n\r\n<p>Ze<b>bra</b> &amp; co</p>",
         {"zebra & co", "ze<b>bra", NULL},
         {"xylophone", "quartz"}},
        {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/zip; name=Zebra.zip\r\n"
         "Content-Transfer-Encoding: base64\r\n\r\nWmVicmEgYW5kIHF1YXJ0eg==\r\n--b--\r\n",
         {"zebra.zip", "application/zip", NULL},
         {"quartz", "xylophone"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 300; step = step * 5 + 2) {
            BUF_AUTO out = BUF_INIT(SIGNATURE_MAX);
            assert_int_equal(make(str_from(cases[i].message), step, STR_EMPTY, &out), 0);
            for (size_t k = 0; k < 4 && cases[i].yes[k] != NULL; k++) assert_true(may(&out, cases[i].yes[k]));
            for (size_t k = 0; k < 2; k++) assert_false(may(&out, cases[i].no[k]));
        }
}

/* What cannot be told says nothing, so that the text is read. */
static void says_nothing(void **state) {
    (void)state;
    BUF_AUTO folded = BUF_INIT(SIGNATURE_MAX), large = BUF_INIT(SIGNATURE_MAX), header = BUF_INIT(2 * 1024 * 1024);
    assert_int_equal(make(STR(" goes on\r\nA: b\r\n\r\ntext"), 100, STR_EMPTY, &folded), 0);
    assert_true(may(&folded, "xylophone")); /* the header's first line belongs to the prefix */
    while (header.len < 1024 * 1024) buf_adds(&header, "X-Field: some text that goes on for a while\r\n");
    buf_adds(&header, "\r\nbody");
    assert_int_equal(make(buf_str(&header), SIZE_MAX, STR_EMPTY, &large), 0);
    assert_true(may(&large, "xylophone"));
}

static void summaries(void **state) {
    (void)state;
    static const struct str bad[] = {STR(""), STR("\1"), STR("\2damaged")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        BUF_AUTO out = BUF_INIT(SIGNATURE_MAX);
        assert_int_equal(make(STR("A: zebra\r\n\r\nquartz"), 7, bad[i], &out), 0);
        assert_true(may(&out, "zebra"));
        assert_false(may(&out, "xylophone"));
    }
}

/* A body that is gone has no signature; the next one is not touched by it. */
static void gone(void **state) {
    (void)state;
    struct signature_builder *b = signature_builder_new();
    struct reading r = {STR("A: zebra\r\n\r\n"), 100, ERR_NOTFOUND};
    struct search_source source = {read_body, &r, r.body.len};
    BUF_AUTO out = BUF_INIT(SIGNATURE_MAX);
    assert_int_equal(index_make(b, STR_EMPTY, &source, &out), ERR_NOTFOUND);
    buf_clear(&out);
    r.fails = 0;
    assert_int_equal(index_make(b, STR_EMPTY, &source, &out), 0);
    assert_true(may(&out, "zebra"));
    signature_builder_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(messages), cmocka_unit_test(says_nothing),
                                       cmocka_unit_test(summaries), cmocka_unit_test(gone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

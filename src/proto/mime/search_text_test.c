/* Tests of search_text.c: what searches see of a message. RFC 9051 section 6.4.4, RFC 2047, RFC 2231. */
#include "proto/mime/search_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct reading {
    struct str body;
    size_t step;
};

static int read_body(void *arg, uint64_t offset, size_t max, struct str *out) {
    struct reading *r = arg;
    if (max > r->step) max = r->step;
    *out = str_sub(r->body, (size_t)offset, max);
    return out->len > 0 ? 0 : ERR_CORRUPT;
}

/* Units one behind the other, each ended by "|". */
static int gather(void *arg, struct str text, bool begins) {
    struct buf *out = arg;
    if (begins && out->len > 0) buf_addc(out, '|');
    buf_add(out, text);
    return 0;
}

static void walk(const char *message, size_t step, struct buf *out) {
    struct str body = str_from(message);
    struct summary_builder *b = summary_builder_new();
    BUF_AUTO summary = BUF_INIT(SUMMARY_MAX);
    struct summary s;
    summary_builder_feed(b, body);
    assert_int_equal(summary_builder_finish(b, &summary), 0);
    summary_builder_free(b);
    assert_int_equal(summary_parse(buf_str(&summary), &s), 0);
    struct reading r = {body, step};
    struct search_source source = {read_body, &r, body.len};
    struct search_sink sink = {gather, out};
    assert_int_equal(search_walk_header(str_sub(body, 0, s.header_len), &sink), 0);
    buf_addc(out, '#');
    assert_int_equal(search_walk_body(&s, &source, &sink), 0);
}

static const struct {
    const char *message, *want;
} cases[] = {
    {"Subject: =?iso-8859-1?q?Gr=DC=DFe?=\r\nX: Y\r\n\r\nHello WORLD\r\n", "subject: gr\xc3\xbc\xc3\x9f"
                                                                           "e|x: y#|hello world\r\n"},
    /* transfer encodings and charsets */
    {"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C4pfel "
     "zus=\r\nammen",
     "content-type: text/plain; charset=iso-8859-1|content-transfer-encoding: "
     "quoted-printable#|\xc3\xa4pfel zusammen"},
    {"Content-Transfer-Encoding: base64\r\n\r\nw5ZWRU4=\r\n", "content-transfer-encoding: base64#|\xc3\xb6ven"},
    /* HTML as it stands, and as it is shown */
    {"Content-Type: text/html\r\n\r\n<p>One <b>T&auml;g</b>\r\n  two</p>",
     "content-type: text/html#|<p>one <b>t&auml;g</b>\r\n  two</p>|one t\xc3\xa4g two "},
    /* names of attachments; what is no text is not looked into */
    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment; "
     "filename*=utf-8''%C3%84.pdf\r\nContent-Type: application/pdf\r\n\r\nPDF\r\n--b--\r\n",
     "content-type: multipart/mixed; boundary=b#|content-disposition: attachment; "
     "filename*=utf-8''%c3%84.pdf|\xc3\xa4.pdf|content-type: application/pdf"},
    /* a message in a message: its header, its text */
    {"Content-Type: message/rfc822\r\n\r\nSubject: Inner\r\n\r\nText",
     "content-type: message/rfc822#|subject: inner|text"},
    {"Subject: only a header\r\n\r\n", "subject: only a header#"},
};

static void texts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 100; step = step * 3 + 1) {
            BUF_AUTO out = BUF_INIT(65536);
            walk(cases[i].message, step, &out);
            buf_addc(&out, '\0');
            assert_string_equal(out.ptr, cases[i].want);
        }
}

static int stop(void *arg, struct str text, bool begins) {
    (void)text;
    (void)begins;
    ++*(int *)arg;
    return 7;
}

static void ends_early(void **state) {
    (void)state;
    int calls = 0;
    struct search_sink sink = {stop, &calls};
    assert_int_equal(search_walk_header(STR("A: b\r\nC: d\r\n\r\n"), &sink), 7);
    assert_int_equal(calls, 1);
}

/* A summary that speaks of more than there is. */
static void damaged(void **state) {
    (void)state;
    BUF_AUTO out = BUF_INIT(65536), summary = BUF_INIT(SUMMARY_MAX);
    struct summary_builder *b = summary_builder_new();
    struct summary s;
    summary_builder_feed(b, STR("A: b\r\n\r\nlong enough text"));
    assert_int_equal(summary_builder_finish(b, &summary), 0);
    summary_builder_free(b);
    assert_int_equal(summary_parse(buf_str(&summary), &s), 0);
    struct reading r = {STR("A: b\r\n\r\nshort"), 100};
    struct search_source source = {read_body, &r, r.body.len};
    struct search_sink sink = {gather, &out};
    assert_int_equal(search_walk_body(&s, &source, &sink), ERR_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(ends_early),
                                       cmocka_unit_test(damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

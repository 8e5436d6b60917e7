/* Sections of a message by IMAP's names for them: RFC 9051 section 6.4.5, RFC 5092 (SECTION and PARTIAL of URLs). */
#include "proto/imap/section.h"

#include "base/arena.h"
#include "proto/imap/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PREFIX "Return-Path: <a@b.example>\r\n"
static const char text[] = PREFIX "Subject: s\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
                                  "--x\r\n\r\none\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n"
                                  "Subject: inner\r\n\r\ntwo\r\n--x--\r\n";

static void sections(void **state) {
    (void)state;
    static const struct {
        const char *url, *content; /* NULL: there is no such part */
    } cases[] = {
        {"/;UID=1", text},
        {"/;UID=1/;PARTIAL=0.11", "Return-Path"},
        {"/;UID=1/;SECTION=1", "one"},
        {"/;UID=1/;SECTION=1.MIME", "\r\n"},
        {"/;UID=1/;SECTION=2", "Subject: inner\r\n\r\ntwo"},
        {"/;UID=1/;SECTION=2.MIME", "Content-Type: message/rfc822\r\n\r\n"},
        {"/;UID=1/;SECTION=2.HEADER", "Subject: inner\r\n\r\n"},
        {"/;UID=1/;SECTION=2.TEXT", "two"},
        {"/;UID=1/;SECTION=2.1", "two"},
        {"/;UID=1/;SECTION=2.TEXT/;PARTIAL=1", "wo"},
        {"/;UID=1/;SECTION=2.TEXT/;PARTIAL=1.1", "w"},
        {"/;UID=1/;SECTION=2.TEXT/;PARTIAL=9.5", ""},
        {"/;UID=1/;SECTION=HEADER", PREFIX "Subject: s\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"},
        {"/;UID=1/;SECTION=3", NULL},
        {"/;UID=1/;SECTION=1.TEXT", NULL},
        {"/;UID=1/;SECTION=2.2", NULL},
    };
    BUF_AUTO bytes = BUF_INIT(SUMMARY_MAX);
    struct summary s;
    struct str message = str_of(text + sizeof PREFIX - 1, sizeof text - sizeof PREFIX);
    assert_int_equal(summary_of(message, &bytes), 0);
    assert_int_equal(summary_parse(buf_str(&bytes), &s), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO arena = arena_new(64 * 1024);
        struct imap_url u;
        struct span at = {7, 7};
        char url[100];
        (void)snprintf(url, sizeof url, "/INBOX%s", cases[i].url);
        if (imap_url_parse(str_from(url), arena, &u) != 0) fail_msg("bad URL: %s", url);
        int rc = imap_section_locate(&s, sizeof PREFIX - 1, sizeof text - 1, &u.section, &at);
        assert_int_equal(rc, cases[i].content == NULL ? ERR_NOTFOUND : 0);
        if (rc != 0) continue;
        at = imap_section_cut(&u.section, at);
        struct str got = str_sub(str_of(text, sizeof text - 1), (size_t)at.offset, (size_t)at.length);
        if (!str_eq(got, str_from(cases[i].content))) fail_msg("%s: \"%.*s\"", url, STR_ARG(got));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sections)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

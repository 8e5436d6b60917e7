/* Unit tests of proto/dsn: RFC 3464, RFC 3461, RFC 6533; SMTPC-11, SMTPC-15, SNOT-01. */
#include "proto/dsn/dsn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/dsn/dsn_sample.h"
#include "proto/dsn/parts.h"

/* RFC 3461 section 4.1, 5.2; RFC 3464 section 2: never for a null sender. SNOT-01. */
static void wanted(void **state) {
    (void)state;
    static const struct {
        enum dsn_action action;
        unsigned notify;
        const char *sender;
        bool delay_default, want;
    } cases[] = {
        {DSN_FAILED, 0, "a@b", false, true},
        {DSN_FAILED, DSN_NOTIFY_FAILURE, "a@b", false, true},
        {DSN_FAILED, DSN_NOTIFY_SUCCESS, "a@b", false, false},
        {DSN_FAILED, DSN_NOTIFY_NEVER, "a@b", false, false},
        {DSN_FAILED, 0, "", false, false},
        {DSN_DELAYED, 0, "a@b", false, false},
        {DSN_DELAYED, 0, "a@b", true, true},
        {DSN_DELAYED, DSN_NOTIFY_FAILURE, "a@b", true, false},
        {DSN_DELAYED, DSN_NOTIFY_DELAY | DSN_NOTIFY_FAILURE, "a@b", false, true},
        {DSN_DELAYED, DSN_NOTIFY_NEVER, "a@b", true, false},
        {DSN_DELIVERED, 0, "a@b", false, false},
        {DSN_DELIVERED, DSN_NOTIFY_SUCCESS, "a@b", false, true},
        {DSN_DELIVERED, DSN_NOTIFY_SUCCESS, "", false, false},
        {DSN_RELAYED, DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE, "a@b", false, true},
        {DSN_EXPANDED, DSN_NOTIFY_FAILURE, "a@b", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(
            dsn_wanted(cases[i].action, cases[i].notify, str_from(cases[i].sender), cases[i].delay_default),
            cases[i].want);
}

static void statuses(void **state) {
    (void)state;
    static const struct {
        const char *status;
        bool valid;
        const char *meaning_has;
    } cases[] = {
        {"5.1.1", true, "no mailbox"}, {"5.1.10", true, "no mail at all"}, {"4.4.1", true, "did not answer"},
        {"5.7.26", true, "refused"},   {"5.4.6", true, "circle"},          {"3.1.1", false, "no closer"},
        {"5.1", false, "no closer"},   {"5.1.1000", false, "no closer"},   {"", false, "no closer"},
        {"5.x.1", false, "no closer"}, {"55.1.1", false, "no closer"},     {"5.1.1.1", false, "no closer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(dsn_status_valid(str_from(cases[i].status)), cases[i].valid);
        const struct dsn_advice *a = dsn_advice_find(str_from(cases[i].status));
        assert_non_null(strstr(a->meaning, cases[i].meaning_has));
    }
}

static void status_fits_action(void **state) {
    (void)state;
    static const struct {
        enum dsn_action action;
        const char *status, *shown;
    } cases[] = {
        {DSN_FAILED, "5.1.1", "5.1.1"},  {DSN_FAILED, "4.4.7", "4.4.7"},   {DSN_FAILED, "2.0.0", "5.0.0"},
        {DSN_DELAYED, "4.4.1", "4.4.1"}, {DSN_DELAYED, "5.4.1", "4.0.0"},  {DSN_DELIVERED, "", "2.0.0"},
        {DSN_RELAYED, "2.1.5", "2.1.5"}, {DSN_FAILED, "rubbish", "5.0.0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsn_recipient p = {.action = cases[i].action, .status = str_from(cases[i].status)};
        assert_true(str_eq(dsn_status_of(&p), str_from(cases[i].shown)));
    }
}

static bool has(const struct buf *b, const char *text) {
    return str_find_str(buf_str(b), str_from(text)) >= 0;
}

/* Every kind has the fields that RFC 3464 asks for; hostile octets of a reply never reach the report. */
static void fields(void **state) {
    (void)state;
    static const struct {
        size_t sample;
        const char *wants[8];
        const char *never;
    } cases[] = {
        {0,
         {"Subject: Your message could not be delivered\r\n", "Original-Recipient: rfc822; dad+x@example.com\r\n",
          "Final-Recipient: rfc822; dad@example.com\r\n", "Action: failed\r\nStatus: 5.1.1\r\n",
          "Original-Envelope-Id: env-42\r\n", "message/rfc822", "Body line", "Action: delivered\r\nStatus: 2.0.0\r\n"},
         "\x01"},
        {1, {"text/rfc822-headers", "Subject: Lunch\r\n on Friday\r\n", "  dad@example.com\r\n"}, "Body line"},
        {2,
         {"Subject: Your message is delayed\r\n", "Action: delayed\r\nStatus: 4.4.1\r\n",
          "Will-Retry-Until: ", "Diagnostic-Code: X-IEMS; connect to", "you need not send the message again"},
         "Body line"},
        /* RFC 6533 sections 3, 4.1, 4.5 */
        {3,
         {"message/global-delivery-status", "Final-Recipient: utf-8; \xce\xb1@ex\xc3\xa4mple.com\r\n",
          "Original-Recipient: utf-8; \xce\xb1+\xc3\xa4@ex\xc3\xa4mple.com\r\n",
          "message/global\r\nContent-Transfer-Encoding: 8bit\r\n", "f\xc3\xbcr alle"},
         "\\x{"},
        {4,
         {"message/delivery-status", "Final-Recipient: utf-8; \\x{3B1}@ex\\x{E4}mple.com\r\n",
          "Original-Recipient: utf-8; \\x{3B1}\\x{2B}\\x{E4}@ex\\x{E4}mple.com\r\n"},
         "global"},
        {6,
         {"message/delivery-status", "message/global\r\nContent-Transfer-Encoding: base64\r\n",
          "Final-Recipient: utf-8; \\x{3B1}@ex\\x{E4}mple.com\r\n"},
         "<m1@example.test>\r\nSubject"},
        {7,
         {"message/delivery-status", "message/global-headers\r\nContent-Transfer-Encoding: base64\r\n"},
         "<m1@example.test>\r\nSubject"},
        {5,
         {"Action: relayed\r\n", "Remote-MTA: dns; mx.b.example\r\n", "Action: expanded\r\n", "Taken by mx.b.example"},
         "failed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO out = BUF_INIT(1 << 20);
        bool eightbit = false;
        assert_int_equal(sample_build(&samples[cases[i].sample], &out, &eightbit), 0);
        for (size_t k = 0; k < 8 && cases[i].wants[k] != NULL; k++)
            if (!has(&out, cases[i].wants[k]))
                fail_msg("case %zu lacks %s in\n%s", i, cases[i].wants[k], buf_cstr(&out));
        assert_false(has(&out, cases[i].never));
        assert_int_equal(eightbit, !str_is_ascii(buf_str(&out)));
    }
}

/* RFC 2852 section 5 and RFC 4865 section 5.1.2: what the sender asked for stands with the fields of the message. */
static void wishes(void **state) {
    (void)state;
    struct dsn_report r = {.hostname = STR("mail.example.test"),
                           .to = STR("a@b"),
                           .ident = STR("x"),
                           .arrival = 1795244000,
                           .recipients = sample_delayed,
                           .count = 1};
    BUF_AUTO without = BUF_INIT(1 << 20), with = BUF_INIT(1 << 20);
    dsn_status_put(&r, false, &without);
    assert_false(has(&without, "Deliver-By-Date") || has(&without, "Future-Release-Request"));
    r.deliver_by = 1795244640;
    r.future_release = STR("for;3600");
    dsn_status_put(&r, false, &with);
    assert_true(has(&with,
                    "\r\nDeliver-By-Date: Sat, 21 Nov 2026 07:04:00 +0000\r\nFuture-Release-Request: for;3600\r\n"
                    "\r\nFinal-Recipient"));
}

/* RFC 3461 section 9.3. */
static void hosts(void **state) {
    (void)state;
    static const struct {
        const char *host, *shown;
    } cases[] = {
        {"mx.example.com", "Remote-MTA: dns; mx.example.com\r\n"},
        {"192.0.2.1", "Remote-MTA: dns; [192.0.2.1]\r\n"},
        {"2001:db8::1", "Remote-MTA: dns; [IPv6:2001:db8::1]\r\n"},
        {"192.0.2.1.example", "Remote-MTA: dns; 192.0.2.1.example\r\n"},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsn_recipient to = sample_relayed[0];
        to.remote_mta = str_from(cases[i].host);
        struct dsn_report r = {
            .hostname = STR("mail.example.test"), .to = STR("a@b"), .ident = STR("x"), .recipients = &to, .count = 1};
        BUF_AUTO out = BUF_INIT(1 << 16);
        dsn_status_put(&r, false, &out);
        assert_int_equal(has(&out, cases[i].shown == NULL ? "Remote-MTA" : cases[i].shown), cases[i].shown != NULL);
    }
}

static void limits(void **state) {
    (void)state;
    BUF_AUTO small = BUF_INIT(100);
    assert_int_equal(sample_build(&samples[0], &small, NULL), ERR_NOMEM);
    struct dsn_report r = {.to = STR("a@b"), .ident = STR("x")};
    BUF_AUTO out = BUF_INIT(1 << 20);
    assert_int_equal(dsn_build(&r, &out, NULL), ERR_INVALID);
    /* A header beyond the limit is cut between two lines. */
    BUF_AUTO big = BUF_INIT(1 << 20);
    while (big.len < DSN_HEADERS_MAX + 5000) buf_adds(&big, "X-Filler: 0123456789\r\n");
    buf_adds(&big, "\r\nbody\r\n");
    r.recipients = sample_delayed;
    r.count = 1;
    r.message = buf_str(&big);
    assert_int_equal(dsn_build(&r, &out, NULL), 0);
    assert_true(out.len < DSN_HEADERS_MAX + 5000);
    assert_false(has(&out, "body\r\n\r\n--"));
    assert_true(has(&out, "0123456789\r\n\r\n--report-x--\r\n"));
}

/* A reply of one endless word, of blanks, of a split UTF-8 character. */
static void hostile_text(void **state) {
    (void)state;
    BUF_AUTO word = BUF_INIT(8192);
    for (size_t i = 0; i < 4000; i++) buf_addc(&word, 'x');
    const struct str texts[] = {buf_str(&word), STR("   \r\n\t "), STR("a \xc3"), STR("\xff\xfe"),
                                STR("--report-0abc123--")};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        BUF_AUTO out = BUF_INIT(65536);
        dsn_wrapped_put(&out, "    ", texts[i], true);
        dsn_field_put(&out, "Diagnostic-Code", texts[i], true);
        assert_int_equal(out.error, 0);
        assert_true(str_is_utf8(buf_str(&out)));
        for (struct str rest = buf_str(&out); rest.len > 0;) {
            ptrdiff_t eol = str_find_str(rest, STR("\r\n"));
            assert_true(eol >= 0 && eol < 998);
            assert_false(str_starts(rest, STR("--")));
            rest = str_sub(rest, (size_t)eol + 2, rest.len);
        }
    }
}

static void header_fields(void **state) {
    (void)state;
    struct str h = STR("Subject: a\r\n b\r\nX-Subject: no\r\nEmpty:\r\nMessage-ID: <1@x>\r\n\r\nTo: body\r\n");
    assert_true(str_eq(dsn_header_find(h, STR("subject")), STR(" a\r\n b")));
    assert_true(str_eq(dsn_header_find(h, STR("Message-ID")), STR(" <1@x>")));
    assert_int_equal(dsn_header_find(h, STR("Empty")).len, 0);
    assert_int_equal(dsn_header_find(h, STR("To")).len, 0);
    assert_int_equal(dsn_header_part(h).len, h.len - STR("To: body\r\n").len);
    assert_true(str_eq(dsn_header_part(STR("\r\nbody")), STR("\r\n")));
}

/* SNOT-04: the text of the administrator, with variables. */
static void own_text(void **state) {
    (void)state;
    static const struct {
        const char *text, *want, *subject;
    } cases[] = {
        {"To ${sender}:\n${recipients} until ${until}\n", "To bart@example.test:\r\nmoe@example.com until Tue, ",
         "Subject: Your message is delayed\r\n"},
        {"Subject: Late: ${subject}\r\n\r\nText\r\n", "\r\n\r\nText\r\n", "Subject: Late: Lunch on Friday\r\n"},
        {"Subject: Late\nText", "\r\n\r\nText\r\n", "Subject: Late\r\n"},
        {"Subject: sp\xc3\xa4t\nText", "\r\n\r\nText\r\n",
         "Subject: Your message is delayed\r\n"},          /* no 8-bit header */
        {"gr\xc3\xbc\xc3\x9f \xff", "gr???? ?\r\n", NULL}, /* no UTF-8: nothing of it is shown */
        {"gr\xc3\xbc\xc3\x9f", "charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngr\xc3\xbc\xc3\x9f\r\n", NULL},
        {"${reason} ${status} ${hostname} ${trace}",
         "connect to mx.example.com[192.0.2.1]:25: connection refused 4.4.1 mail.example.test ", NULL},
        {"$ ${ ${} ${nothing} ${sender", "$ ${ ${} ${nothing} ${sender\r\n", NULL},
        {"a\tb\x01", "a b?\r\n", NULL},
        {"", "This is the mail system at", NULL},
        {"Subject: only this", "This is the mail system at", "Subject: only this\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO out = BUF_INIT(1 << 20);
        struct dsn_report r = {.hostname = STR("mail.example.test"),
                               .from = STR("postmaster@example.test"),
                               .to = STR("bart@example.test"),
                               .ident = STR("id1"),
                               .trace = STR("t1"),
                               .text = str_from(cases[i].text),
                               .recipients = sample_delayed,
                               .count = 1,
                               .message = str_from(sample_message)};
        assert_int_equal(dsn_build(&r, &out, NULL), 0);
        if (!has(&out, cases[i].want)) fail_msg("case %zu:\n%s", i, buf_cstr(&out));
        if (cases[i].subject != NULL && !has(&out, cases[i].subject)) fail_msg("case %zu:\n%s", i, buf_cstr(&out));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wanted),   cmocka_unit_test(statuses),     cmocka_unit_test(status_fits_action),
        cmocka_unit_test(fields),   cmocka_unit_test(wishes),       cmocka_unit_test(hosts),
        cmocka_unit_test(limits),   cmocka_unit_test(hostile_text), cmocka_unit_test(header_fields),
        cmocka_unit_test(own_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of received.c: SMTPD-19, RFC 5321 section 4.4, RFC 3848. */
#include "smtpd/received.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct net_addr addr(const char *text) {
    struct net_addr a;
    assert_int_equal(net_addr_parse(str_from(text), 25, &a), 0);
    return a;
}

static void with_keywords(void **state) {
    (void)state;
    static const struct {
        bool lmtp, extended, tls, authenticated, utf8;
        const char *with;
    } cases[] = {
        {0, 0, 0, 0, 0, "SMTP"},     {0, 1, 0, 0, 0, "ESMTP"},    {0, 1, 1, 0, 0, "ESMTPS"},
        {0, 1, 0, 1, 0, "ESMTPA"},   {0, 1, 1, 1, 0, "ESMTPSA"},  {1, 1, 0, 0, 0, "LMTP"},
        {1, 1, 1, 0, 0, "LMTPS"},    {0, 1, 0, 0, 1, "UTF8SMTP"}, {0, 1, 1, 1, 1, "UTF8SMTPSA"},
        {1, 1, 0, 0, 1, "UTF8LMTP"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct received r = {.lmtp = cases[i].lmtp,
                             .extended = cases[i].extended,
                             .tls = cases[i].tls,
                             .authenticated = cases[i].authenticated,
                             .utf8 = cases[i].utf8};
        BUF_AUTO out = BUF_INIT(100);
        received_with(&out, &r);
        assert_string_equal(buf_cstr(&out), cases[i].with);
    }
}

static void received_line(void **state) {
    (void)state;
    static const struct {
        const char *helo, *peer, *start;
    } cases[] = {
        {"client.example", "192.0.2.1", "Received: from client.example ([192.0.2.1])\r\n"},
        {"[192.0.2.1]", "2001:db8::1", "Received: from [192.0.2.1] ([IPv6:2001:db8::1])\r\n"},
        {"x)(\"y;z", "192.0.2.1", "Received: from unknown (helo x???y?z) ([192.0.2.1])\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_addr peer = addr(cases[i].peer);
        struct received r = {.helo = cases[i].helo,
                             .peer = &peer,
                             .hostname = "mail.example.test",
                             .extended = true,
                             .tls = true,
                             .tls_version = "TLSv1.3",
                             .tls_cipher = "TLS_AES_256_GCM_SHA384",
                             .tls_bits = 256,
                             .id = "0123456789abcdef",
                             .recipient = "bart@example.test"};
        BUF_AUTO out = BUF_INIT(RECEIVED_MAX);
        received_format(&out, &r);
        assert_int_equal(out.error, 0);
        assert_true(str_starts(buf_str(&out), str_from(cases[i].start)));
        assert_true(str_ends(buf_str(&out), STR("\r\n")));
        assert_true(
            str_find_str(buf_str(&out), STR("\r\n\tby mail.example.test (IEMS) with ESMTPS\r\n"
                                            "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256 bits))\r\n"
                                            "\tid 0123456789abcdef for <bart@example.test>;\r\n\t")) > 0);
    }
    struct net_addr peer = addr("192.0.2.1");
    struct received r = {.helo = "x", .peer = &peer, .hostname = "y", .id = "z", .has_priority = true, .priority = -4};
    BUF_AUTO out = BUF_INIT(RECEIVED_MAX);
    received_format(&out, &r);
    assert_true(str_find_str(buf_str(&out), STR("\tid z PRIORITY -4;\r\n\t")) > 0); /* RFC 6710 section 7 */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(with_keywords), cmocka_unit_test(received_line)};
    return cmocka_run_group_tests_name("smtpd received", tests, NULL, NULL);
}

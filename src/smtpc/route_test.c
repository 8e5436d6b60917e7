/* Unit tests of names and hosts: ROUTE-01 to ROUTE-05, ROUTE-14; RFC 5321 section 5.1, RFC 7505. */
#include "smtpc/destination.h"
#include "smtpc/hosttable.h"
#include "smtpc/mx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void destinations(void **state) {
    (void)state;
    static const struct {
        const char *text, *want; /* host/address, flags, port; NULL = error */
    } cases[] = {
        {"Example.COM", "example.com mx 25"},
        {"example.com.", "example.com mx 25"},
        {"example.com:587", "example.com mx 587"},
        {"[mail.example.com]", "mail.example.com host 25"},
        {"[mail.example.com]:587", "mail.example.com host 587"},
        {"[192.0.2.1]", "192.0.2.1 literal 25"},
        {"[192.0.2.1]:2525", "192.0.2.1 literal 2525"},
        {"[IPv6:2001:db8::1]", "2001:db8::1 literal 25"},
        {"[ipv6:2001:db8::1]:26", "2001:db8::1 literal 26"},
        {"", NULL},
        {"[", NULL},
        {"[]", NULL},
        {"[a", NULL},
        {"a b", NULL},
        {"a:", NULL},
        {"a:0", NULL},
        {"a:65536", NULL},
        {"[a]x", NULL},
        {"[IPv6:zz]", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct destination d;
        struct error err = {0};
        int rc = destination_parse(str_from(cases[i].text), 25, &d, &err);
        if (cases[i].want == NULL) {
            assert_int_equal(rc, ERR_INVALID);
            assert_true(err.text[0] != '\0');
            continue;
        }
        char text[400], ip[NET_ADDR_TEXT_MAX] = "";
        assert_int_equal(rc, 0);
        if (d.literal) net_addr_ip_text(&d.addr, ip);
        (void)snprintf(text, sizeof text, "%s %s %u", d.literal ? ip : d.host,
                       d.literal ? "literal"
                       : d.no_mx ? "host"
                                 : "mx",
                       d.port);
        assert_string_equal(text, cases[i].want);
        if (d.literal) assert_int_equal(d.addr.port, d.port);
    }
}

static void host_table(void **state) {
    (void)state;
    static const char text[] = "# routes\n192.0.2.1 example.com mail.example.com # two names\n"
                               "192.0.2.2:2525\texample.com\r\n[2001:db8::1]:26 six.example\n2001:db8::2 six.example\n"
                               "192.0.2.9 *.sub.example\n\n192.0.2.10 deep.a.sub.example\n";
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"example.com", "192.0.2.1:25 192.0.2.2:2525"},
        {"EXAMPLE.com", "192.0.2.1:25 192.0.2.2:2525"},
        {"mail.example.com", "192.0.2.1:25"},
        {"six.example", "[2001:db8::1]:26 [2001:db8::2]:25"},
        {"x.sub.example", "192.0.2.9:25"},
        {"x.y.sub.example", "192.0.2.9:25"},
        {"deep.a.sub.example", "192.0.2.10:25"},
        {"sub.example", ""},
        {"other.com", ""},
        {"", ""},
    };
    struct hosttable *t = NULL;
    assert_int_equal(hosttable_parse(str_from(text), &t, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_addr a[HOSTTABLE_ADDRESSES_MAX];
        char out[400] = "", one[NET_ADDR_TEXT_MAX];
        size_t n = hosttable_find(t, str_from(cases[i].name), 25, a);
        for (size_t k = 0; k < n; k++) {
            size_t len = strlen(out);
            net_addr_text(&a[k], one);
            (void)snprintf(out + len, sizeof out - len, "%s%s", k > 0 ? " " : "", one);
        }
        assert_string_equal(out, cases[i].want);
    }
    hosttable_free(t);
    assert_int_equal(hosttable_find(NULL, STR("x"), 25, (struct net_addr[HOSTTABLE_ADDRESSES_MAX]){0}), 0);
    static const struct {
        const char *text, *error;
    } bad[] = {{"\nnot-an-address host\n", "line 2: \"not-an-address\" is no address"},
               {"192.0.2.1 # nobody\n", "line 1: no name"},
               {"[2001:db8::1 x\n", "line 1:"},
               {"192.0.2.1:99999 x\n", "line 1:"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = {0};
        assert_int_equal(hosttable_parse(str_from(bad[i].text), &t, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, bad[i].error));
    }
}

static void mail_exchangers(void **state) {
    (void)state;
    static const struct {
        struct {
            unsigned preference;
            const char *host;
        } mx[4];
        enum mx_verdict verdict;
        size_t left;
    } cases[] = {
        {{{10, "a.test"}, {20, "b.test"}}, MX_TRY, 2},
        {{{0, ""}}, MX_NULL, 0},
        {{{10, "a.test"}, {20, "self.test"}, {30, "c.test"}}, MX_TRY, 1},
        {{{10, "a.test"}, {20, "b.test"}, {20, "SELF.test"}, {30, "c.test"}}, MX_TRY, 1},
        {{{10, "self.test"}, {20, "b.test"}}, MX_SELF, 0},
        {{{10, "b.test"}, {10, "self.test"}}, MX_SELF, 0},
        {{{0, NULL}}, MX_TRY, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dns_mx mx[4];
        size_t n = 0;
        for (; n < 4 && cases[i].mx[n].host != NULL; n++)
            mx[n] = (struct dns_mx){(uint16_t)cases[i].mx[n].preference, str_from(cases[i].mx[n].host)};
        assert_int_equal(mx_choose(mx, &n, STR("self.test")), cases[i].verdict);
        if (cases[i].verdict == MX_TRY) assert_int_equal(n, cases[i].left);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(destinations),
        cmocka_unit_test(host_table),
        cmocka_unit_test(mail_exchangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

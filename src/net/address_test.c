/* Addresses and ranges as text. RFC 5952, RFC 5321 section 4.1.3, MTA-09, CONNCTL-02. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/address.h"

#include <stdlib.h>
#include <string.h>

static struct net_addr addr(const char *text) {
    struct net_addr a;
    assert_int_equal(net_addr_parse(str_from(text), 25, &a), 0);
    return a;
}

static const struct {
    const char *in, *out, *with_port, *literal;
} texts[] = {
    {"192.0.2.1", "192.0.2.1", "192.0.2.1:25", "[192.0.2.1]"},
    {"0.0.0.0", "0.0.0.0", "0.0.0.0:25", "[0.0.0.0]"},
    {"255.255.255.255", "255.255.255.255", "255.255.255.255:25", "[255.255.255.255]"},
    {"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1:25", "[192.0.2.1]"},
    {"::", "::", "[::]:25", "[IPv6:::]"},
    {"::1", "::1", "[::1]:25", "[IPv6:::1]"},
    {"2001:db8::", "2001:db8::", "[2001:db8::]:25", "[IPv6:2001:db8::]"},
    /* RFC 5952 section 4: no leading zeros, lower case, one group is not shortened, the longest run, the first of
       equals */
    {"2001:0DB8:0000:0000:0000:0000:0002:0001", "2001:db8::2:1", "[2001:db8::2:1]:25", "[IPv6:2001:db8::2:1]"},
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:25", "[IPv6:2001:db8:0:1:1:1:1:1]"},
    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1", "[2001:0:0:1::1]:25", "[IPv6:2001:0:0:1::1]"},
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", "[2001:db8::1:0:0:1]:25", "[IPv6:2001:db8::1:0:0:1]"},
    {"0:0:0:1::", "0:0:0:1::", "[0:0:0:1::]:25", "[IPv6:0:0:0:1::]"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:25", "[IPv6:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"},
};

static void text_forms(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct net_addr a = addr(texts[i].in);
        char out[NET_ADDR_TEXT_MAX];
        net_addr_ip_text(&a, out);
        assert_string_equal(out, texts[i].out);
        net_addr_text(&a, out);
        assert_string_equal(out, texts[i].with_port);
        net_addr_literal(&a, out);
        assert_string_equal(out, texts[i].literal);
    }
}

static void malformed_addresses(void **state) {
    (void)state;
    static const char *const bad[] = {"",         "1",         "1.2.3",    "1.2.3.4.5", "256.1.1.1",  "1.2.3.4 ",
                                      " 1.2.3.4", "1.2.3.x",   ":::",      "1::2::3",   "fe80::1%lo", "[::1]",
                                      "12345::",  "localhost", "01.2.3.4", "1.2.3.4/8"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct net_addr a = {.port = 99};
        assert_int_equal(net_addr_parse(str_from(bad[i]), 25, &a), ERR_INVALID);
        assert_int_equal(a.port, 99);
    }
    struct net_addr a;
    assert_int_equal(net_addr_parse(str_of("1.2.3.4\0x", 9), 25, &a), ERR_INVALID);
}

static void sockaddr_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct net_addr a = addr(texts[i].in), b;
        struct sockaddr_storage ss;
        assert_true(net_addr_to_sockaddr(&a, &ss) > sizeof ss.ss_family);
        net_addr_from_sockaddr((struct sockaddr *)&ss, &b);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

static void comparisons(void **state) {
    (void)state;
    struct net_addr a = addr("127.0.0.1"), b = addr("::1"), c = addr("::ffff:127.0.0.1"), d = addr("2001:db8::1");
    c.port = 1;
    assert_true(net_addr_same_ip(&a, &c));
    assert_false(net_addr_same_ip(&a, &b));
    assert_false(net_addr_same_ip(&d, &b));
    assert_true(net_addr_is_loopback(&a));
    assert_true(net_addr_is_loopback(&b));
    assert_false(net_addr_is_loopback(&d));
}

/* MTA-09, CONNCTL-02: single address, range a-b, address/mask bits; the same in IPv6. */
static void ranges(void **state) {
    (void)state;
    static const struct {
        const char *range, *in, *out;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
        {"192.0.2.1/32", "192.0.2.1", "192.0.2.0"},
        {"192.0.2.77/28", "192.0.2.64", "192.0.2.63"},
        {"192.0.2.77/28", "192.0.2.79", "192.0.2.80"},
        {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
        {"10.1.2.3/9", "10.127.0.0", "10.128.0.0"},
        {"0.0.0.0/0", "255.255.255.255", "::1"},
        {"192.0.2.1-192.0.2.9", "192.0.2.9", "192.0.2.10"},
        {"192.0.2.200 - 192.0.3.4", "192.0.3.0", "192.0.3.5"},
        {"::1", "::1", "::2"},
        {"::1/128", "::1", "127.0.0.1"},
        {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
        {"2001:db8:0:8::/61", "2001:db8:0:f::1", "2001:db8:0:10::"},
        {"2001:db8::5-2001:db8::1:0", "2001:db8::ffff", "2001:db8::4"},
        {"::/0", "ffff::", "192.0.2.1"},
        {"::ffff:192.0.2.0/120", "192.0.2.9", "192.0.3.9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_range r;
        struct net_addr in = addr(cases[i].in), out = addr(cases[i].out);
        assert_int_equal(net_range_parse(str_from(cases[i].range), &r), 0);
        assert_true(net_range_has(&r, &in));
        assert_false(net_range_has(&r, &out));
    }
    static const char *const bad[] = {
        "",       "::ffff:1.2.3.4/24", "/8",          "192.0.2.1/33", "192.0.2.1/",        "192.0.2.1/x",
        "::/129", "1.2.3.9-1.2.3.1",   "1.2.3.4-::1", "1.2.3.4-",     "1.2.3.4-1.2.3.5/8", "a-b",
        "*"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct net_range r;
        assert_int_equal(net_range_parse(str_from(bad[i]), &r), ERR_INVALID);
    }
}

static void range_lists(void **state) {
    (void)state;
    struct net_range *list;
    size_t count;
    struct error err = {0};
    assert_int_equal(
        net_range_list_parse(STR("127.0.0.0/8 ::1,10.0.0.1-10.0.0.9,\n 192.0.2.0/24"), &list, &count, &err), 0);
    assert_int_equal(count, 4);
    struct net_addr a = addr("10.0.0.5"), b = addr("10.0.0.10"), c = addr("::1");
    assert_true(net_range_list_has(list, count, &a));
    assert_false(net_range_list_has(list, count, &b));
    assert_true(net_range_list_has(list, count, &c));
    free(list);
    assert_int_equal(net_range_list_parse(STR(" "), &list, &count, &err), 0);
    assert_int_equal(count, 0);
    free(list);
    assert_int_equal(net_range_list_parse(STR("127.0.0.1 10.0.0/8"), &list, &count, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "\"10.0.0/8\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_forms),
        cmocka_unit_test(malformed_addresses),
        cmocka_unit_test(sockaddr_round_trip),
        cmocka_unit_test(comparisons),
        cmocka_unit_test(ranges),
        cmocka_unit_test(range_lists),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}

#include "daemon/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* The first address, and how many there are at least: those of IPv6 depend on the machine. PORT-01, IMAPPOP-01. */
static void values(void **state) {
    static const struct {
        const char *value;
        bool loopback;
        const char *first;
        size_t count;
    } cases[] = {
        {"off", false, NULL, 0},
        {"OFF", false, NULL, 0},
        {"default", false, "0.0.0.0:143", 1},
        {"default", true, "127.0.0.1:143", 1},
        {"default 192.0.2.1:366", true, "127.0.0.1:143", 2},
        {"2143", true, "127.0.0.1:2143", 1},
        {"192.0.2.1", false, "192.0.2.1:143", 1},
        {"192.0.2.1:1143 192.0.2.2", true, "192.0.2.1:1143", 2},
        {"[2001:db8::1]:1143", false, "[2001:db8::1]:1143", 1},
        {"[2001:db8::1]", false, "[2001:db8::1]:143", 1},
        {"2001:db8::1", false, "[2001:db8::1]:143", 1},
        {"*:25", true, "0.0.0.0:25", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct listen_list list = {0};
        struct error err = {0};
        char text[NET_ADDR_TEXT_MAX];
        assert_int_equal(
            listen_parse("imapd.listen_imap", str_from(cases[i].value), 143, cases[i].loopback, &list, &err), 0);
        assert_true(list.count >= cases[i].count);
        if (cases[i].first == NULL) continue;
        net_addr_text(&list.at[0], text);
        assert_string_equal(text, cases[i].first);
    }
}

static void errors(void **state) {
    static const char *const cases[] = {"host.example:25", "192.0.2.1:0", "192.0.2.1:70000",
                                        "[2001:db8::1",    ":25",         "[]:25"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct listen_list list = {0};
        struct error err = {0};
        assert_int_equal(listen_parse("smtpd.listen_smtp", str_from(cases[i]), 25, false, &list, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "smtpd.listen_smtp: '"));
        assert_int_equal(list.count, 0);
    }
    struct listen_list list = {0};
    struct error err = {0};
    assert_int_equal(listen_parse("x", STR("::1 ::2 ::3 ::4 ::5 ::6 ::7 ::8 ::9 ::a ::b ::c ::d ::e ::f ::10 ::11"), 1,
                                  false, &list, &err),
                     ERR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

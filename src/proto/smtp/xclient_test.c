/* Attributes of XCLIENT (DEPL-11). */
#include "proto/smtp/xclient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *in, *name, *address, *helo, *error; /* NULL = not given */
    int port;                                       /* -1 = not given */
} cases[] = {
    {"NAME=spike.example ADDR=192.0.2.1", "spike.example", "192.0.2.1", NULL, NULL, -1},
    {"addr=IPV6:2001:db8::1 port=4711 helo=client+2Eexample PROTO=ESMTP", NULL, "2001:db8::1", "client.example", NULL,
     4711},
    {"NAME=[UNAVAILABLE] HELO=[TEMPUNAVAIL] PORT=[UNAVAILABLE]", "", NULL, "", NULL, 0},
    {"", NULL, NULL, NULL, "Syntax", -1},
    {"NAME", NULL, NULL, NULL, "without a value", -1},
    {"LOGIN=root", NULL, NULL, NULL, "not supported", -1},
    {"NAME=a+0Db", NULL, NULL, NULL, "Bad value", -1},
    {"NAME=a+2", NULL, NULL, NULL, "Bad value", -1},
    {"PORT=65536", NULL, NULL, NULL, "Bad value", -1},
    {"ADDR=0123456789012345678901234567890123456789012345678901234567890123", NULL, NULL, NULL, "Bad value", -1},
};

static void same(bool has, const char *got, const char *want) {
    assert_int_equal(has, want != NULL);
    if (want != NULL) assert_string_equal(got, want);
}

static void attributes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct xclient x;
        struct error err = {0};
        int rc = smtp_xclient_parse(str_from(cases[i].in), &x, &err);
        if (cases[i].error != NULL) {
            assert_int_equal(rc, ERR_INVALID);
            assert_non_null(strstr(err.text, cases[i].error));
            continue;
        }
        assert_int_equal(rc, 0);
        same(x.has_name, x.name, cases[i].name);
        same(x.has_address, x.address, cases[i].address);
        same(x.has_helo, x.helo, cases[i].helo);
        assert_int_equal(x.has_port, cases[i].port >= 0);
        if (x.has_port) assert_int_equal(x.port, cases[i].port);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(attributes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

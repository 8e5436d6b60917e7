/* URLs of a client (RFC 3986, RFC 9110 section 4.2). */
#include "proto/http/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *in;
    int rc;
    bool tls;
    const char *host;
    unsigned port;
    const char *target;
} cases[] = {
    {"https://ca.example/dir", 0, true, "ca.example", 443, "/dir"},
    {"HTTP://ca.example", 0, false, "ca.example", 80, "/"},
    {"https://ca.example:14000/a/b?c=d", 0, true, "ca.example", 14000, "/a/b?c=d"},
    {"https://127.0.0.1:1/", 0, true, "127.0.0.1", 1, "/"},
    {"https://[::1]:8443/x", 0, true, "::1", 8443, "/x"},
    {"https://[2001:db8::1]", 0, true, "2001:db8::1", 443, "/"},
    {"https://mta-sts.example.test/.well-known/mta-sts.txt", 0, true, "mta-sts.example.test", 443,
     "/.well-known/mta-sts.txt"},
    {"", ERR_INVALID, 0, 0, 0, 0},
    {"ftp://x/", ERR_INVALID, 0, 0, 0, 0},
    {"https://", ERR_INVALID, 0, 0, 0, 0},
    {"https:///x", ERR_INVALID, 0, 0, 0, 0},
    {"https://user@x/", ERR_INVALID, 0, 0, 0, 0},
    {"https://x:0/", ERR_INVALID, 0, 0, 0, 0},
    {"https://x:70000/", ERR_INVALID, 0, 0, 0, 0},
    {"https://x:/", ERR_INVALID, 0, 0, 0, 0},
    {"https://[::1/", ERR_INVALID, 0, 0, 0, 0},
    {"https://[::1]x/", ERR_INVALID, 0, 0, 0, 0},
    {"https://x?y", ERR_INVALID, 0, 0, 0, 0},
    {"https://x/a b", ERR_INVALID, 0, 0, 0, 0},
    {"https://x/a\r\nHost: y", ERR_INVALID, 0, 0, 0, 0},
    {"https://x/#f", ERR_INVALID, 0, 0, 0, 0},
    {"https://x/\xc3\xa4", ERR_INVALID, 0, 0, 0, 0},
};

static void test_parse(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_url u = {0};
        int rc = http_url_parse(str_from(cases[i].in), &u);
        if (rc != cases[i].rc) fail_msg("\"%s\": %d", cases[i].in, rc);
        if (rc != 0) continue;
        assert_int_equal(u.tls, cases[i].tls);
        assert_true(str_eq(u.host, str_from(cases[i].host)));
        assert_int_equal(u.port, cases[i].port);
        assert_true(str_eq(u.target, str_from(cases[i].target)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

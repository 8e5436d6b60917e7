/* Unit tests of datetime.c: RFC 3339 section 5.6 and 5.8, RFC 4865 section 3. */
#include "proto/smtp/datetime.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void parsed(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t at; /* -1: malformed */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T07:24:00Z", 1795245840},
        {"2026-11-21t07:24:00z", 1795245840},
        {"2026-11-21T07:24:00.25+00:00", 1795245841},
        {"2026-11-21T07:24:00.00Z", 1795245840},
        {"2026-11-21T07:24:00-00:00", 1795245840},
        {"2026-11-21T08:24:00+01:00", -1}, /* must be UTC */
        {"2026-11-20T23:24:00-08:00", -1},
        {"1990-12-31T23:59:60Z", 662688000},
        {"2024-02-29T00:00:00Z", 1709164800},
        {"2026-02-29T00:00:00Z", -1},
        {"2026-11-21T07:24:00", -1},
        {"2026-11-21T07:24Z", -1},
        {"2026-11-21 07:24:00Z", -1},
        {"2026-11-21T07:24:00.Z", -1},
        {"2026-11-21T07:24:00+1:00", -1},
        {"2026-11-21T07:24:00+24:00", -1},
        {"2026-11-21T07:24:00Zx", -1},
        {"2026-13-21T07:24:00Z", -1},
        {"2026-1-21T07:24:00Z", -1},
        {"+026-11-21T07:24:00Z", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t at = -1;
        int rc = smtp_datetime_parse(str_from(cases[i].text), &at);
        if ((rc == 0) != (cases[i].at >= 0) || at != cases[i].at) fail_msg("%s: %lld", cases[i].text, (long long)at);
    }
}

static void formatted(void **state) {
    (void)state;
    BUF_AUTO out = BUF_INIT(100);
    smtp_datetime_format(&out, 1795245840);
    assert_string_equal(buf_cstr(&out), "2026-11-21T07:24:00Z");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parsed), cmocka_unit_test(formatted)};
    return cmocka_run_group_tests_name("smtp datetime", tests, NULL, NULL);
}

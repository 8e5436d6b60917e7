/* Unit tests of loop counting: LOOP-01, LOOP-02, LOOP-04. */
#include "mta/trips.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void trips(void **state) {
    (void)state;
    static const struct {
        const char *header;
        unsigned count;
    } cases[] = {
        {"", 0},
        {"Received: from a by mail.example.test with SMTP; now\r\n\r\n", 1},
        {"Received: from a\r\n\tby MAIL.example.test (IEMS)\r\n\twith SMTP; now\r\n\r\n", 1},
        {"Received: from a\r\n by\r\n mail.example.test;\r\n\r\n", 1},
        /* only the name itself counts */
        {"Received: from mail.example.test by other.test; now\r\n\r\n", 0},
        {"Received: from a by mail.example.test.evil; now\r\n\r\n", 0},
        {"Received: from a by xmail.example.test; now\r\n\r\n", 0},
        {"Received: from a standby mail.example.test; now\r\n\r\n", 0},
        {"X-Received: by mail.example.test\r\nSubject: by mail.example.test\r\n\r\n", 0},
        {"Received: by mail.example.test\r\nReceived: by b\r\nReceived: by mail.example.test\r\n", 2},
        /* not behind the header */
        {"Subject: x\r\n\r\nReceived: by mail.example.test\r\n", 0},
        {"Received: by mail.example.test", 1},
        {"Received:", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(mta_loop_trips(str_from(cases[i].header), STR("mail.example.test")), cases[i].count);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(trips)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of the growing waits (SMTPC-04, PEER-08). */
#include "channel/channel.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void intervals(void **state) {
    (void)state;
    static const struct {
        const char *list;
        uint32_t attempts;
        int rc;
        uint64_t seconds;
    } cases[] = {
        {"5m 15m 1h", 0, 0, 300},  {"5m 15m 1h", 1, 0, 300},    {"5m 15m 1h", 2, 0, 900},
        {"5m 15m 1h", 3, 0, 3600}, {"5m 15m 1h", 99, 0, 3600},  {"10s", 7, 0, 10},
        {"", 1, ERR_INVALID, 0},   {"5m x", 1, ERR_INVALID, 0}, {"0s", 1, ERR_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t seconds = 0;
        assert_int_equal(retry_interval(str_from(cases[i].list), cases[i].attempts, &seconds), cases[i].rc);
        assert_int_equal(seconds, cases[i].seconds);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(intervals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

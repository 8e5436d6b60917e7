/* Unit tests of deliver_by.h: RFC 2852 section 4. */
#include "channel/deliver_by.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void times(void **state) {
    (void)state;
    static const struct {
        const char *mode, *sender;
        int64_t by, expires, warn, want_expires, want_warn;
        bool over_at_5000;
    } cases[] = {
        {"", "a@b", 0, 9000, 0, 9000, 0, false},
        {"R", "a@b", 4000, 9000, 0, 4000, 0, true},
        {"RT", "a@b", 5000, 9000, 6000, 5000, 6000, true},
        {"R", "a@b", 5001, 0, 0, 5001, 0, false},
        {"R", "a@b", 9500, 9000, 0, 9000, 0, false},
        {"N", "a@b", 4000, 9000, 0, 9000, 4000, false},
        {"NT", "a@b", 4000, 9000, 3000, 9000, 3000, false},
        {"N", "a@b", 4000, 9000, 6000, 9000, 4000, false},
        {"N", "", 4000, 9000, 0, 9000, 0, false}, /* nobody to tell */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry e = STORE__ENTRY__INIT;
        e.by_mode = (char *)(uintptr_t)cases[i].mode;
        e.sender = (char *)(uintptr_t)cases[i].sender;
        e.deliver_by = cases[i].by;
        e.expires = cases[i].expires;
        e.warn = cases[i].warn;
        deliver_by_set_times(&e);
        assert_int_equal(e.expires, cases[i].want_expires);
        assert_int_equal(e.warn, cases[i].want_warn);
        assert_int_equal(deliver_by_is_over(&e, 5000), cases[i].over_at_5000);
    }
}

static void left(void **state) {
    (void)state;
    Store__Entry e = STORE__ENTRY__INIT;
    e.deliver_by = 100000;
    assert_int_equal(deliver_by_left(&e, 40000), 60);
    assert_int_equal(deliver_by_left(&e, 220000), -120);
    e.deliver_by = INT64_MAX / 2;
    assert_int_equal(deliver_by_left(&e, 0), DELIVER_BY_SECONDS_MAX);
    assert_int_equal(deliver_by_left(&e, INT64_MAX), -DELIVER_BY_SECONDS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(times), cmocka_unit_test(left)};
    return cmocka_run_group_tests_name("deliver by", tests, NULL, NULL);
}

/* Tests of metric.c. */
#include "base/metric.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void lines(void **state) {
    (void)state;
    static const struct metric list[] = {{"messages_total", "Messages", UINT64_MAX}, {"sessions", "Sessions", 0}};
    BUF_AUTO out = BUF_INIT(1000);
    metrics_put(&out, "mta", list, sizeof list / sizeof *list);
    assert_string_equal(buf_cstr(&out),
                        "# HELP iems_mta_messages_total Messages\n# TYPE iems_mta_messages_total counter\n"
                        "iems_mta_messages_total 18446744073709551615\n"
                        "# HELP iems_mta_sessions Sessions\n# TYPE iems_mta_sessions gauge\n"
                        "iems_mta_sessions 0\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

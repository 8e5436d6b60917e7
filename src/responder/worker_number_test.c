/* The number of workers of a module (ARCH-01). */
#include "responder/responder.h"

#include <sched.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_number(void **state) {
    (void)state;
    static const struct {
        uint64_t wanted;
        unsigned processors, number;
    } cases[] = {
        {0, 0, 1}, {0, 1, 1},  {0, 2, 1},   {0, 3, 1},  {0, 4, 2}, {0, 7, 3},
        {0, 8, 4}, {0, 16, 8}, {0, 200, 8}, {1, 16, 1}, {3, 1, 3}, {64, 2, 64},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(worker_number(cases[i].wanted, cases[i].processors), cases[i].number);
    }
}

/* Not those of the machine, but those that this process may use. */
static void test_processors(void **state) {
    (void)state;
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    assert_int_equal(worker_processors(), CPU_COUNT(&all));
    int first = 0;
    while (!CPU_ISSET(first, &all)) first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(worker_processors(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_number), cmocka_unit_test(test_processors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Values in steps: PRIO-03, PRIO-04, PRIO-05. */
#include "daemon/steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void parse(void **state) {
    (void)state;
    static const struct {
        const char *text, *message; /* NULL = good */
        size_t count;
    } cases[] = {
        {"", NULL, 0},
        {"  ", NULL, 0},
        {"10,1000,10000 : 0,2,4,10", NULL, 3},
        {"1 6 12:1 4 6 20", NULL, 3},
        {":7", NULL, 0},
        {"10 1000", "boundaries, a colon, and one weight more, as \"10 1000 : 0 2 4\"", 0},
        {"10 1000 : 0 2", "2 boundaries need 3 weights, there are 2", 0},
        {"10 1000 : 0 2 4 6", "2 boundaries need 3 weights, there are 4", 0},
        {"10 : 1", "1 boundary needs 2 weights, there is 1", 0},
        {"10 10 : 0 1 2", "the boundaries must rise: 10 comes after 10", 0},
        {"10 x : 0 1 2", "\"x\" is no number from 0 to 4294967295", 0},
        {"10 : 0 -1", "\"-1\" is no number from 0 to 1000000", 0},
        {"10 : 0 1000001", "\"1000001\" is no number from 0 to 1000000", 0},
        {"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 : 1",
         "at most 32 boundaries", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct steps s = {.count = 99};
        struct error err = {0};
        int rc = steps_parse(str_from(cases[i].text), &s, &err);
        assert_int_equal(rc, cases[i].message == NULL ? 0 : ERR_INVALID);
        assert_int_equal(s.count, rc == 0 ? cases[i].count : 99);
        if (rc != 0) assert_string_equal(err.text, cases[i].message);
    }
}

/* The examples of PRIO-03 and PRIO-04: below the first boundary the first weight, from a boundary on the next. */
static void weight(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
        uint32_t want;
    } cases[] = {
        {"10,1000,10000 : 0,2,4,10", 0, 0},
        {"10,1000,10000 : 0,2,4,10", 9, 0},
        {"10,1000,10000 : 0,2,4,10", 10, 2},
        {"10,1000,10000 : 0,2,4,10", 999, 2},
        {"10,1000,10000 : 0,2,4,10", 1000, 4},
        {"10,1000,10000 : 0,2,4,10", 10000, 10},
        {"10,1000,10000 : 0,2,4,10", 1 << 30, 10},
        {"1 6 12:1 4 6 20", 0, 1},
        {"1 6 12:1 4 6 20", 1, 4},
        {"1 6 12:1 4 6 20", 7, 6},
        {"1 6 12:1 4 6 20", 12, 20},
        {"", 5, 0},
        {":7", 5, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct steps s;
        assert_int_equal(steps_parse(str_from(cases[i].text), &s, NULL), 0);
        assert_int_equal(steps_weight(&s, cases[i].value), cases[i].want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parse), cmocka_unit_test(weight)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The priority weight: PRIO-01 to PRIO-09, RFC 6710. */
#include "channel/weight.h"

#include "daemon/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Options of the test. */
static const char *values[16][2];

const char *option_str(const struct daemon *d, const char *name) {
    (void)d;
    for (size_t i = 0; i < 16 && values[i][0] != NULL; i++)
        if (strcmp(values[i][0], name) == 0) return values[i][1];
    const struct option *o = option_find(str_from(name));
    assert_non_null(o);
    return o->def;
}

uint64_t option_u64(const struct daemon *d, const char *name) {
    uint64_t n = 0;
    assert_int_equal(option_check(option_find(str_from(name)), str_from(option_str(d, name)), &n, NULL), 0);
    return n;
}

enum { KB = 1024, HOUR = 3600 * 1000 };

/* PRIO-09: the example. Tables of PRIO-03 and PRIO-04, multipliers 1, 2, 1. */
static void worked_example(void **state) {
    (void)state;
    static const char *const set[][2] = {
        {"smtpc.priority_precedence", "1"},
        {"smtpc.priority_size", "2"},
        {"smtpc.priority_time", "1"},
        {"smtpc.priority_sizes", "10,1000,10000 : 0,2,4,10"},
        {"smtpc.priority_times", "1,6,12 : 1,4,6,20"},
    };
    static const struct {
        struct weighed message;
        int32_t want;
    } cases[] = {
        {{5, 500 * KB, 7 * HOUR, 0}, 3},
        {{5, 500 * KB, 0, 0}, 8},
        {{5, 20 * 1024 * KB, 0, 0}, 24},
        {{5, 9 * KB, 0, 0}, 4},
        {{5, 10 * KB, 0, 0}, 8}, /* a boundary begins the next range */
        {{5, 500 * KB, HOUR - 1, 0}, 8},
        {{5, 500 * KB, HOUR, 0}, 5},
        {{5, 500 * KB, 12 * HOUR, 0}, -11},
        {{0, 0, 0, 0}, -1},
        {{5, 500 * KB, -HOUR, 0}, 8}, /* a clock that was set back */
        {{5, 500 * KB, 0, 9}, -1},
        {{5, 500 * KB, 0, -9}, 17}, /* RFC 6710: higher goes sooner */
    };
    struct weight_rule rule = {0};
    memset(values, 0, sizeof values);
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++) memcpy(values[i], set[i], sizeof set[i]);
    weight_configure(NULL, &rule);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(weight_of(&rule, &cases[i].message), cases[i].want);
}

/* PRIO-02: multipliers are 0 by default, factors are ignored then; MT-PRIORITY counts. */
static void defaults(void **state) {
    (void)state;
    struct weight_rule rule = {0};
    memset(values, 0, sizeof values);
    weight_configure(NULL, &rule);
    assert_int_equal(weight_of(&rule, &(struct weighed){1000, 1 << 30, 99 * HOUR, 0}), 0);
    assert_int_equal(weight_of(&rule, &(struct weighed){0, 0, 0, 3}), -3);
    struct weight_rule huge = {.precedence = 1000000};
    assert_int_equal(weight_of(&huge, &(struct weighed){UINT32_MAX, 0, 0, 0}), INT32_MAX);
}

/* PRIO-05: lists that do not fit leave what was before. */
static void mistakes(void **state) {
    (void)state;
    struct weight_rule rule = {0};
    memset(values, 0, sizeof values);
    values[0][0] = "smtpc.priority_sizes";
    values[0][1] = "10 : 3 4";
    weight_configure(NULL, &rule);
    values[0][1] = "10 20 : 3 4";
    weight_configure(NULL, &rule);
    assert_int_equal(rule.sizes.count, 1);
    assert_int_equal(rule.sizes.weight[1], 4);
}

/* PRIO-06 */
static void sources(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
        uint32_t dl;
    } cases[] = {{"", NULL, 0},
                 {"DL=5", NULL, 5},
                 {"smtpd=1 dl=7", NULL, 7},
                 {"DL", "\"DL\" is not of the form SOURCE=NUMBER (0 to 1000)", 0},
                 {"DL=1001", "\"DL=1001\" is not of the form SOURCE=NUMBER (0 to 1000)", 0},
                 {"=1", "\"=1\" is not of the form SOURCE=NUMBER (0 to 1000)", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weight_rule rule = {0};
        struct error err = {0};
        int rc = weight_sources_parse(str_from(cases[i].text), &rule, &err);
        assert_int_equal(rc, cases[i].message == NULL ? 0 : ERR_INVALID);
        if (rc != 0) assert_string_equal(err.text, cases[i].message);
        assert_int_equal(weight_of_source(&rule, "DL"), cases[i].dl);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(worked_example), cmocka_unit_test(defaults),
                                       cmocka_unit_test(mistakes), cmocka_unit_test(sources)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Fail-over between relay hosts: ROUTE-11, ROUTE-12, ROUTE-13. */
#include "smtpc/hops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum what { SKIPPED, TRIED, FAILED_STAY, FAILED_GO_ON, WORKS, WORKS_AGAIN };

/* A story of one hop: what is asked or told at which second, and the answer. Away for 60 s before the next is taken,
 * tried again every 300 s. */
static void story(void **state) {
    (void)state;
    static const struct {
        unsigned at_s;
        enum what what;
    } steps[] = {
        {0, TRIED},     {0, WORKS},          {10, TRIED},    {10, FAILED_STAY}, /* away since 10 */
        {20, TRIED},    {20, FAILED_STAY},   {69, TRIED},    {69, FAILED_STAY},  {70, SKIPPED},
        {368, SKIPPED}, {369, TRIED}, /* due: only one tries */
        {370, SKIPPED}, {371, FAILED_GO_ON}, {372, SKIPPED}, {700, TRIED},       {700, WORKS_AGAIN},
        {701, TRIED},   {701, WORKS},        {702, TRIED},   {702, FAILED_STAY},
    };
    static const struct hops_times times = {60 * 1000, 300 * 1000};
    struct hops *h = hops_new();
    struct str hop = STR("relay.test:25");
    assert_non_null(h);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        uint64_t now = 1000000 + steps[i].at_s * 1000u;
        switch (steps[i].what) {
        case SKIPPED: assert_true(hops_skip(h, hop, &times, now)); break;
        case TRIED: assert_false(hops_skip(h, hop, &times, now)); break;
        case FAILED_STAY: assert_false(hops_failed(h, hop, &times, now)); break;
        case FAILED_GO_ON: assert_true(hops_failed(h, hop, &times, now)); break;
        case WORKS: assert_false(hops_works(h, hop)); break;
        case WORKS_AGAIN: assert_true(hops_works(h, hop)); break;
        }
        assert_false(hops_skip(h, STR("other.test:25"), &times, now));
    }
    hops_free(h);
}

/* Without a delay the next is taken at once. */
static void at_once(void **state) {
    (void)state;
    static const struct hops_times times = {0, 1000};
    struct hops *h = hops_new();
    assert_true(hops_failed(h, STR("A"), &times, 5));
    assert_true(hops_skip(h, STR("a"), &times, 6));
    assert_false(hops_skip(h, STR("a"), &times, 1006));
    for (unsigned i = 0; i < HOPS_MAX + 10; i++) { /* what is remembered is bounded */
        char name[20];
        (void)snprintf(name, sizeof name, "h%u", i);
        assert_true(hops_failed(h, str_from(name), &times, 5));
    }
    hops_free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(story), cmocka_unit_test(at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

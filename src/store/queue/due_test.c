/* Times in memory and behind the horizon: whatever is added comes, in order, when its owner reads on. */
#include "store/queue/due.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 300000 };

static void test_order(void **state) {
    (void)state;
    static const int64_t times[] = {50, 10, 40, 10, 30, 0, 20};
    static const int64_t want[] = {0, 10, 10, 20, 30};
    struct due_times t;
    struct due_item item;
    due_times_init(&t);
    assert_true(due_times_next(&t) == INT64_MAX);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) due_times_add(&t, times[i], i + 1);
    assert_int_equal(due_times_next(&t), 0);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_true(due_times_take(&t, 30, &item));
        assert_int_equal(item.at, want[i]);
    }
    assert_false(due_times_take(&t, 30, &item));
    assert_int_equal(due_times_next(&t), 40);
    due_times_done(&t);
}

/* More than memory holds, many of them equal: the owner reads them again from the horizon on. */
static void test_horizon(void **state) {
    (void)state;
    int64_t *at = malloc(MANY * sizeof *at), last = -1;
    unsigned char *seen = calloc(MANY, 1);
    size_t count = 0, loads = 0;
    struct due_times t;
    struct due_item item;
    due_times_init(&t);
    srandom(1);
    for (size_t i = 0; i < MANY; i++) {
        at[i] = i % 2 == 0 ? 7 : random() % 1000;
        due_times_add(&t, at[i], i + 1);
        assert_true(t.count <= DUE_TIMES_MAX);
    }
    while (count < MANY) {
        while (due_times_take(&t, 1000, &item)) {
            assert_false(seen[item.id - 1]);
            assert_true(item.at >= last);
            last = item.at;
            seen[item.id - 1] = 1;
            count++;
        }
        if (!due_times_horizon_reached(&t, 1000)) break;
        struct due_times found;
        due_times_init(&found);
        for (size_t i = 0; i < MANY; i++)
            if (!seen[i]) due_times_add(&found, at[i], i + 1);
        t.horizon = (struct due_item){INT64_MAX, UINT64_MAX};
        due_times_merge(&t, &found);
        due_times_done(&found);
        loads++;
    }
    assert_int_equal(count, MANY);
    assert_true(loads < 12);
    due_times_done(&t);
    free(at);
    free(seen);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_horizon)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Runs of UIDs as FOLDER_OPEN gives them, against a plain count. */
#include "store/mailbox/mailbox.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { UIDS_MAX = 64 };

static void check_runs(const uint32_t *uids, size_t count) {
    struct message list[UIDS_MAX];
    struct folder f = {.list = list, .count = count};
    BUF_AUTO got = BUF_INIT(4096);
    uint32_t want[2 * UIDS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        list[i] = (struct message){.uid = uids[i]};
        if (i == 0 || uids[i] != uids[i - 1] + 1) {
            want[n++] = htole32(uids[i]);
            n++;
        }
        want[n - 1] = htole32(uids[i]);
    }
    folder_runs(&f, &got);
    assert_int_equal(got.len, n * sizeof *want);
    assert_memory_equal(got.len == 0 ? "" : got.ptr, n == 0 ? (void *)"" : want, got.len);
}

static void test_runs(void **state) {
    (void)state;
    static const struct {
        size_t count;
        uint32_t uids[8];
    } table[] = {
        {0, {0}},
        {1, {7}},
        {2, {1, 2}},
        {2, {1, 3}},
        {3, {1, 2, 4}},
        {3, {1, 3, 4}},
        {4, {1, 2, 3, 4}},
        {5, {1, 2, 3, 4, 6}},
        {4, {1, 3, 5, 7}},
        {3, {5, 6, 4294967295}},
        {2, {4294967294, 4294967295}},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) check_runs(table[i].uids, table[i].count);
}

static void test_every_hole(void **state) {
    (void)state;
    for (uint32_t a = 0; a < UIDS_MAX; a++) {
        for (uint32_t b = a; b < UIDS_MAX; b++) {
            uint32_t uids[UIDS_MAX];
            size_t n = 0;
            for (uint32_t uid = 1; uid <= UIDS_MAX; uid++)
                if (uid != a && uid != b) uids[n++] = uid;
            check_runs(uids, n);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_runs), cmocka_unit_test(test_every_hole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

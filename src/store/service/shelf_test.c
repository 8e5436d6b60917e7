/* Entries of a shelf: found by UID whatever the order in which they came, and never more than there is room for. */
#include "store/service/shelf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ENTRIES = 60, STEPS = 7 };

static struct shelf_entry *make(uint32_t uid) {
    char text[16];
    size_t len = (size_t)snprintf(text, sizeof text, "%u", uid);
    struct shelf_entry *e = malloc(sizeof *e + len);
    assert_non_null(e);
    *e = (struct shelf_entry){.uid = uid, .signature_len = (uint32_t)len};
    memcpy(e->bytes, text, len);
    return e;
}

static void check(const struct shelf *sh, const bool *there) {
    size_t at = 0, n = 0;
    for (uint32_t uid = 1; uid <= ENTRIES; uid++) {
        const struct shelf_entry *e = shelf_find(sh, &at, uid);
        assert_int_equal(e != NULL, there[uid]);
        if (e != NULL) assert_int_equal(e->uid, uid);
        n += e != NULL;
    }
    assert_int_equal(sh->count, n);
}

static void done(struct shelf *sh) {
    for (size_t i = 0; i < sh->count; i++) free(sh->entry[i]);
    free(sh->entry);
}

static void any_order(void **state) {
    (void)state;
    struct shelf sh = {0};
    bool there[ENTRIES + 1] = {false};
    for (uint32_t first = 1; first <= STEPS; first++) { /* at the end, in between, before */
        struct shelf_entry *fresh[ENTRIES];
        size_t n = 0;
        uint32_t from = (first * 3) % STEPS + 1;
        for (uint32_t uid = from; uid <= ENTRIES; uid += STEPS) {
            fresh[n++] = make(uid);
            there[uid] = true;
        }
        shelf_put(&sh, fresh, n, SIZE_MAX);
        check(&sh, there);
        size_t last = 0;
        assert_non_null(shelf_find(&sh, &last, from)); /* a cursor of its own */
    }
    done(&sh);
}

static void bounded(void **state) {
    (void)state;
    struct shelf sh = {0};
    struct shelf_entry *fresh[ENTRIES];
    bool there[ENTRIES + 1] = {false};
    for (uint32_t uid = 1; uid <= ENTRIES; uid++) fresh[uid - 1] = make(uid);
    size_t one = shelf_entry_size(fresh[0]) + sizeof *fresh;
    shelf_put(&sh, fresh, ENTRIES, 3 * one);
    for (uint32_t uid = 1; uid <= 3; uid++) there[uid] = true;
    check(&sh, there);
    assert_int_equal(sh.bytes, 3 * one);
    fresh[0] = make(9);
    shelf_put(&sh, fresh, 1, 0);
    check(&sh, there);
    done(&sh);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_order), cmocka_unit_test(bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

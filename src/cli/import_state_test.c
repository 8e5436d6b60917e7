/* The state of imports: what a killed or repeated import finds again. MIGR-08. */
#include "cli/import_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], last[128];

static int setup(void **state) {
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/iems-import-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int teardown(void **state) {
    (void)state;
    (void)unlink(last);
    return rmdir(dir);
}

static void open_one(uint32_t there, uint32_t here, struct import_state *out) {
    struct error err = {0};
    assert_int_equal(import_state_open(dir, STR("host\nuser\nfolder"), there, here, false, out, &err), 0);
}

static void file_of(char *out, size_t size) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (const char *c = "host\nuser\nfolder"; *c != '\0'; c++) h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    (void)snprintf(out, size, "%s/%016llx.state", dir, (unsigned long long)h);
}

static void put(struct import_state *s, uint32_t there, uint32_t here, uint64_t flags) {
    struct error err = {0};
    const struct import_record r = {.there = there, .here = here, .flags = flags};
    assert_int_equal(import_state_put(s, &r, &err), 0);
}

static void kept(void **state) {
    struct import_state s, other;
    struct error err = {0};
    (void)state;
    file_of(last, sizeof last);
    open_one(7, 9, &s);
    put(&s, 5, 50, 1);
    put(&s, 9, 90, 2);
    put(&s, 7, 70, 3); /* not in order */
    put(&s, 9, 90, 4); /* changed */
    assert_int_equal(import_state_open(dir, STR("host\nuser\nfolder"), 7, 9, false, &other, &err), ERR_EXISTS);
    import_state_close(&s);
    static const struct {
        off_t cut; /* bytes at the end that a crash took */
        uint32_t there;
        uint64_t flags; /* 0 = unknown */
    } cases[] = {{0, 5, 1}, {0, 7, 3}, {0, 9, 4}, {0, 8, 0}, {3, 9, 2}, {0, 7, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].cut > 0) assert_int_equal(truncate(last, 32 + 4 * 16 - cases[i].cut), 0);
        open_one(7, 9, &s);
        const struct import_record *r = import_state_find(&s, cases[i].there);
        assert_int_equal(r != NULL, cases[i].flags != 0);
        if (r != NULL) assert_int_equal(r->flags, cases[i].flags);
        import_state_close(&s);
    }
    for (uint32_t v = 8; v < 10; v++) { /* another UIDVALIDITY there, then here */
        open_one(v, v == 8 ? 9 : 8, &s);
        assert_null(import_state_find(&s, 5));
        put(&s, 5, 50, 1);
        import_state_close(&s);
    }
}

static void flags(void **state) {
    (void)state;
    char a[] = "a", b[] = "b";
    char *ab[] = {a, b}, *ba[] = {b, a};
    assert_int_equal(import_flags(3, ab, 2), import_flags(3, ba, 2));
    assert_int_equal(import_flags(3, ab, 2) & 0xff, 3);
    assert_true(import_flags(3, ab, 1) != import_flags(3, ab, 2));
    assert_true(import_flags(3, ab, 1) != import_flags(3, ba, 1));
    assert_int_equal(import_flags(3, NULL, 0), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(kept, setup, teardown), cmocka_unit_test(flags)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

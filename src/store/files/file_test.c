/* Names, paths and records of web folders. WFOLD-01. */
#include "store/files/path.h"
#include "store/files/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 1024 * 1024 };

static void test_paths(void **state) {
    static const struct {
        const char *text, *out; /* names with "|" between; NULL: `rc` */
        int rc;
    } cases[] = {
        {"", "", 0},
        {"/", "", 0},
        {"a", "a", 0},
        {"/a", "a", 0},
        {"a/", "a", 0},
        {"/a/b c/d.txt", "a|b c|d.txt", 0},
        {"a/...", "a|...", 0},
        {" a ", " a ", 0},
        {"\xc3\xa9", "\xc3\xa9", 0},
        {"e\xcc\x81", "\xc3\xa9", 0},                        /* NFC */
        {"x/\xe1\x84\x80\xe1\x85\xa1", "x|\xea\xb0\x80", 0}, /* Hangul */
        {"\xe2\x84\xab", "\xc3\x85", 0},                     /* singleton: ANGSTROM SIGN */
        {"\xef\xac\x81", "\xef\xac\x81", 0},                 /* compatibility forms stay */
        {"\xf0\x9f\x93\x81", "\xf0\x9f\x93\x81", 0},
        {"a//b", NULL, ERR_INVALID},
        {"//a", NULL, ERR_INVALID},
        {"a//", NULL, ERR_INVALID},
        {"//", NULL, ERR_INVALID},
        {".", NULL, ERR_INVALID},
        {"..", NULL, ERR_INVALID},
        {"a/../b", NULL, ERR_INVALID},
        {"a/./b", NULL, ERR_INVALID},
        {"a\nb", NULL, ERR_INVALID},
        {"a\x7f", NULL, ERR_INVALID},
        {"a\xc2\x85", NULL, ERR_INVALID}, /* C1 */
        {"a\xff", NULL, ERR_INVALID},
        {"a\xc3", NULL, ERR_INVALID},
        {"\xed\xa0\x80", NULL, ERR_INVALID}, /* surrogate */
        {"\xc0\xaf", NULL, ERR_INVALID},     /* overlong "/" */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO arena = arena_new(MEMORY);
        struct file_path p = {.depth = 77};
        struct error err = {0};
        BUF_AUTO got = BUF_INIT(FILE_PATH_MAX);
        int rc = file_path_parse(str_from(cases[i].text), arena, &p, &err);
        if (rc != cases[i].rc) fail_msg("case %zu: %d (%s)", i, rc, err.text);
        if (rc != 0) {
            assert_int_equal(p.depth, 77);
            assert_true(err.text[0] != '\0');
            continue;
        }
        for (size_t k = 0; k < p.depth; k++) {
            if (k > 0) buf_addc(&got, '|');
            buf_add(&got, p.part[k]);
        }
        assert_string_equal(buf_cstr(&got), cases[i].out);
    }
}

/* Lengths are those of what is kept: NFC may be shorter or longer than what came. */
static void test_lengths(void **state) {
    static const struct {
        const char *unit;
        size_t times;
        int rc;
    } cases[] = {
        {"a", 255, 0},
        {"a", 256, ERR_LIMIT},
        {"e\xcc\x81", 127, 0}, /* 381 bytes that become 254 */
        {"e\xcc\x81", 128, ERR_LIMIT},
        {"\xe2\x84\xab", 127, 0},
        {"\xe0\xa5\x98", 42, 0}, /* DEVANAGARI QA: 3 bytes that become 6 */
        {"\xe0\xa5\x98", 43, ERR_LIMIT},
        {"a/", 50, 0},
        {"a/", 51, ERR_LIMIT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO arena = arena_new(MEMORY);
        struct file_path p;
        struct error err = {0};
        BUF_AUTO text = BUF_INIT(MEMORY);
        for (size_t k = 0; k < cases[i].times; k++) buf_adds(&text, cases[i].unit);
        assert_int_equal(file_path_parse(buf_str(&text), arena, &p, &err), cases[i].rc);
    }
}

static void test_records(void **state) {
    static const struct file_entry cases[] = {
        {.folder = true, .id = 7, .modified = 5},
        {.id = UINT64_MAX, .size = 1ull << 40, .modified = -3, .type = {"text/plain", 10}},
        {.id = 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO v = BUF_INIT(FILE_VALUE_MAX);
        struct file_entry e = {.id = 99};
        file_entry_encode(&cases[i], &v);
        assert_int_equal(v.error, 0);
        for (size_t cut = 0; cut < v.len; cut++) {
            assert_int_equal(file_entry_decode(str_of(v.ptr, cut), &e), ERR_CORRUPT);
            assert_int_equal(e.id, 99);
        }
        buf_adds(&v, "what a later version adds");
        assert_int_equal(file_entry_decode(buf_str(&v), &e), 0);
        assert_true(e.folder == cases[i].folder && e.id == cases[i].id && e.size == cases[i].size);
        assert_true(e.modified == cases[i].modified && str_eq(e.type, cases[i].type));
        v.ptr[0] = 3;
        assert_int_equal(file_entry_decode(buf_str(&v), &e), ERR_CORRUPT);
    }
    struct file_usage u;
    assert_int_equal(file_usage_decode(STR("\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3"), &u), 0);
    assert_true(u.files == 1 && u.folders == 2 && u.bytes == 3);
    assert_int_equal(file_usage_decode(STR("\0\0\0\0\0\0\0\1"), &u), ERR_CORRUPT);
}

static void test_keys(void **state) {
    struct key k;
    uint64_t account, parent;
    struct str name;
    (void)state;
    file_key(&k, 3, 9, STR("plan.pdf"));
    assert_int_equal(file_key_parse(key_str(&k), &account, &parent, &name), 0);
    assert_true(account == 3 && parent == 9 && str_eq(name, STR("plan.pdf")));
    file_key(&k, 3, 9, STR_EMPTY);
    assert_int_equal(file_key_parse(key_str(&k), &account, &parent, &name), ERR_CORRUPT);
    file_purge_key(&k, 3, 9);
    assert_int_equal(k.len, FILE_KEY_HEAD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

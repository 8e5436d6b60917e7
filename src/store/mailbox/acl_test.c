/* Rights and their lists. RFC 4314 sections 2, 2.1, 2.1.1, 4. */
#include "store/mailbox/acl.h"
#include "store/mailbox/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_letters(void **state) {
    (void)state;
    static const struct {
        const char *in, *out, *old; /* out NULL: refused */
    } table[] = {
        {"", "", ""},
        {"lrs", "lrs", "lrs"},
        {"srl", "lrs", "lrs"},
        {"lrswipkxtea", "lrswipkxtea", "lrswipkxteacd"},
        {"c", "k", "kc"},
        {"d", "xte", "xted"},
        {"lrd", "lrxte", "lrxted"},
        {"t", "t", "td"},
        {"L", NULL, NULL},
        {"lz", NULL, NULL},
        {"l r", NULL, NULL},
        {"0", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint32_t rights = 77;
        char text[RIGHTS_TEXT_MAX];
        int rc = rights_parse(str_from(table[i].in), &rights);
        assert_int_equal(rc, table[i].out == NULL ? ERR_INVALID : 0);
        if (rc != 0) {
            assert_int_equal(rights, 77);
            continue;
        }
        rights_text(rights, false, text);
        assert_string_equal(text, table[i].out);
        rights_text(rights, true, text);
        assert_string_equal(text, table[i].old);
    }
}

static void test_flags(void **state) {
    (void)state;
    static const struct {
        const char *rights;
        uint64_t may, may_not;
    } table[] = {
        {"lr", 0, ~0ull},
        {"lrs", MAILBOX_SEEN, ~(uint64_t)MAILBOX_SEEN},
        {"lrt", MAILBOX_DELETED, ~(uint64_t)MAILBOX_DELETED},
        {"lrw", MAILBOX_FLAGGED | MAILBOX_ANSWERED | 1ull << 63, MAILBOX_SEEN | MAILBOX_DELETED},
        {"swt", ~0ull, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint32_t rights;
        assert_int_equal(rights_parse(str_from(table[i].rights), &rights), 0);
        assert_true((rights_flags(rights) & table[i].may) == table[i].may);
        assert_true((rights_flags(rights) & table[i].may_not) == 0);
    }
}

static void change(struct acl *a, uint64_t account, const char *who, bool negative, enum acl_mode mode,
                   const char *rights, bool wanted) {
    uint32_t r;
    bool changed;
    assert_int_equal(rights_parse(str_from(rights), &r), 0);
    assert_int_equal(acl_change(a, account, str_from(who), negative, mode, r, &changed), 0);
    assert_int_equal(changed, wanted);
}

static void expect(const struct acl *a, uint64_t account, const char *granted, const char *denied) {
    char text[RIGHTS_TEXT_MAX];
    rights_text(acl_granted(a, account), false, text);
    assert_string_equal(text, granted);
    rights_text(acl_denied(a, account), false, text);
    assert_string_equal(text, denied);
}

static void test_list(void **state) {
    (void)state;
    struct acl a = {0}, b = {0};
    change(&a, 7, "kim@x", false, ACL_SET, "lrs", true);
    change(&a, 7, "kim@x", false, ACL_SET, "lrs", false);
    change(&a, 0, "anyone", false, ACL_SET, "l", true);
    change(&a, 8, "bo@x", true, ACL_ADD, "r", true);
    expect(&a, 7, "lrs", "");
    expect(&a, 8, "l", "r");
    expect(&a, 9, "l", "");
    change(&a, 7, "kim@x", false, ACL_ADD, "w", true);
    change(&a, 7, "kim@x", false, ACL_REMOVE, "ls", true);
    expect(&a, 7, "lrw", ""); /* l of anyone */
    assert_true(acl_names(&a, 7) && acl_names(&a, 0) && !acl_names(&a, 8));
    assert_non_null(acl_find(&a, STR("KIM@X"), false));
    assert_null(acl_find(&a, STR("kim@x"), true));
    BUF_AUTO v = BUF_INIT(4096);
    acl_write(&a, &v);
    assert_int_equal(acl_read(buf_str(&v), &b), 0);
    assert_true(acl_equal(&a, &b));
    for (size_t cut = 0; cut < v.len; cut++) { /* a record that is cut off anywhere is told */
        struct acl c = {0};
        assert_int_equal(acl_read(str_sub(buf_str(&v), 0, cut), &c), ERR_CORRUPT);
    }
    change(&a, 7, "kim@x", false, ACL_SET, "", true);
    assert_false(acl_names(&a, 7));
    assert_false(acl_equal(&a, &b));
    assert_true(acl_forget(&a, 8));
    assert_false(acl_forget(&a, 8));
    acl_done(&a);
    acl_done(&b);
}

static void test_limit(void **state) {
    (void)state;
    struct acl a = {0};
    bool changed;
    for (uint64_t i = 1; i <= ACL_ENTRIES_MAX; i++)
        assert_int_equal(acl_change(&a, i, STR("x"), false, ACL_SET, RIGHT_READ, &changed), 0);
    assert_int_equal(acl_change(&a, UINT64_MAX, STR("x"), false, ACL_SET, RIGHT_READ, &changed), ERR_LIMIT);
    assert_int_equal(acl_change(&a, 5, STR("x"), false, ACL_SET, RIGHT_WRITE, &changed), 0);
    acl_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_letters), cmocka_unit_test(test_flags),
                                       cmocka_unit_test(test_list), cmocka_unit_test(test_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Rows and sets of rows: values and defaults, the most specific match, changes. */
#include "daemon/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct rows *parse(const char *table, const char *lines) {
    struct rows *r = NULL;
    struct error err = {0};
    if (rows_parse(table_find(str_from(table)), str_from(lines), &r, &err) != 0) fail_msg("%s", err.text);
    return r;
}

static void expect_key(const struct row *row, const char *key) {
    if (key == NULL)
        assert_null(row);
    else
        assert_string_equal(row == NULL ? "(none)" : row_key(row), key);
}

/* PEER-01, PEER-02, PEER-03 */
static void test_domain(void **state) {
    (void)state;
    struct rows *r = parse("peer", "* max_sessions=9\nxyz.org max_sessions=2\nengr.xyz.org max_sessions=3\n"
                                   "*.wild.example tls=none\nwild.example tls=dane\n[192.0.2.1]\norg note=x\n");
    static const struct {
        const char *name, *key;
    } cases[] = {
        {"xyz.org", "xyz.org"},
        {"XYZ.Org.", "xyz.org"},
        {"mail.xyz.org", "xyz.org"},
        {"a.b.engr.xyz.org", "engr.xyz.org"},
        {"notxyz.org", "org"},
        {"example.net", "*"},
        {"wild.example", "wild.example"},
        {"a.wild.example", "*.wild.example"},
        {"[192.0.2.1]", "[192.0.2.1]"},
        {"[192.0.2.org]", "*"},
        {"", "*"},
        {".", "*"},
        {"..", "*"},
        {"a.", "*"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_key(rows_match_domain(r, str_from(cases[i].name)), cases[i].key);
    }
    char long_name[1000];
    memset(long_name, 'a', sizeof long_name);
    expect_key(rows_match_domain(r, str_of(long_name, sizeof long_name)), "*");
    rows_free(r);
    r = parse("peer", "xyz.org\n");
    expect_key(rows_match_domain(r, STR("example.net")), NULL);
    expect_key(rows_find(r, STR("xyz.org")), "xyz.org");
    expect_key(rows_find(r, STR("a.xyz.org")), NULL);
    rows_free(r);
}

/* CONNCTL-02 */
static void test_address(void **state) {
    (void)state;
    struct rows *r =
        parse("access", "* connect=deny\n10.0.0.0/8\n10.1.0.0/16\n10.1.2.3\n10.1.2.0-10.1.2.9\n"
                        "10.1.2.5-10.1.2.14\n0.0.0.0/2\n255.255.255.255\n2001:db8::/32\n2001:db8::1\n::/0\n");
    static const struct {
        const char *ip, *key;
    } cases[] = {
        {"10.1.2.3", "10.1.2.3"},
        {"10.1.2.4", "10.1.2.0-10.1.2.9"},
        {"10.1.2.5", "10.1.2.5-10.1.2.14"}, /* equally wide: the higher one */
        {"10.1.2.9", "10.1.2.5-10.1.2.14"},
        {"10.1.2.14", "10.1.2.5-10.1.2.14"},
        {"10.1.2.15", "10.1.0.0/16"},
        {"10.2.0.0", "10.0.0.0/8"},
        {"10.255.255.255", "10.0.0.0/8"},
        {"11.0.0.0", "0.0.0.0/2"},
        {"0.0.0.0", "0.0.0.0/2"},
        {"64.0.0.0", "*"},
        {"255.255.255.254", "*"},
        {"255.255.255.255", "255.255.255.255"},
        {"2001:db8::1", "2001:db8::1"},
        {"2001:db8::2", "2001:db8::/32"},
        {"::1", "::/0"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0"},
        {"::ffff:10.1.2.3", "10.1.2.3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_addr a;
        assert_int_equal(net_addr_parse(str_from(cases[i].ip), 25, &a), 0);
        expect_key(rows_match_address(r, &a), cases[i].key);
    }
    struct net_addr local = {.family = AF_UNIX};
    expect_key(rows_match_address(r, &local), "*");
    rows_free(r);
}

/* Every address against all ranges, one by one: what the stretches say is right. */
static void test_address_random(void **state) {
    (void)state;
    unsigned seed = 1;
    for (int round = 0; round < 200; round++) {
        BUF_AUTO lines = BUF_INIT(100000);
        for (int i = 0; i < 12; i++) {
            unsigned a = (seed = seed * 1103515245 + 12345) >> 16 & 63,
                     b = (seed = seed * 1103515245 + 12345) >> 16 & 63;
            buf_printf(&lines, "192.0.2.%u-192.0.2.%u\n", a < b ? a : b, a < b ? b : a);
        }
        struct rows *r = parse("access", buf_cstr(&lines));
        for (unsigned i = 0; i < 70; i++) {
            struct net_addr a = {.family = AF_INET, .ip = {192, 0, 2, (uint8_t)i}};
            const struct row *best = NULL;
            for (size_t k = 0; k < rows_count(r); k++) {
                const struct net_range *x = row_range(rows_at(r, k)), *y = best == NULL ? NULL : row_range(best);
                if (!net_range_has(x, &a)) continue;
                int wx = x->high[3] - x->low[3], wy = y == NULL ? 999 : y->high[3] - y->low[3];
                if (wx < wy || (wx == wy && x->low[3] > y->low[3])) best = rows_at(r, k);
            }
            assert_ptr_equal(rows_match_address(r, &a), best);
        }
        rows_free(r);
    }
}

/* SNDCHK-02 */
static void test_sender(void **state) {
    (void)state;
    struct rows *r = parse("sender", "good@spam.example action=accept\n@spam.example\n@.deep.example\n"
                                     "@exact.deep.example action=accept\n\"!x\"@example.org\n* action=accept\n");
    static const struct {
        const char *sender, *key;
    } cases[] = {
        {"Good@Spam.example", "good@spam.example"},
        {"bad@spam.example", "@spam.example"},
        {"bad@sub.spam.example", "*"},
        {"a@deep.example", "@.deep.example"},
        {"a@b.c.deep.example", "@.deep.example"},
        {"a@exact.deep.example", "@exact.deep.example"},
        {"a@b.exact.deep.example", "@.deep.example"},
        {"a@other.example", "*"},
        {"noat", "*"},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_key(rows_match_sender(r, str_from(cases[i].sender)), cases[i].key);
    }
    rows_free(r);
}

static void test_values(void **state) {
    (void)state;
    const struct table *t = table_find(STR("peer"));
    struct rows *r = parse("peer", "a.example max_sessions=7 tls=DANE accept=Off run_interval=1h max_sessions=8\n");
    const struct row *row = rows_match_domain(r, STR("a.example"));
    assert_int_equal(row_u64(t, row, "max_sessions"), 8);
    assert_string_equal(row_str(t, row, "tls"), "dane");
    assert_int_equal(row_u64(t, row, "tls"), 5);
    assert_false(row_bool(t, row, "accept"));
    assert_true(row_bool(t, row, "transmit"));
    assert_int_equal(row_u64(t, row, "run_interval"), 3600);
    assert_int_equal(row_u64(t, NULL, "run_interval"), 900);
    assert_string_equal(row_str(t, NULL, "tls"), "opportunistic");
    assert_true(row_has(row, "tls"));
    assert_false(row_has(row, "transmit"));
    rows_free(r);
}

static void test_parse_errors(void **state) {
    (void)state;
    static const struct {
        const char *lines, *message;
    } cases[] = {
        {"a.example\nb..example\n",
         "line 2: 'b..example' is not: host or domain, which covers all below it; * = all others"},
        {"a.example max_sessions\n", "line 1: 'max_sessions' is not column=value"},
        {"a.example max_sessions=many\n", "line 1: max_sessions: 0 to 1000 sessions, not 'many'"},
        {"a.example mix_sessions=1\n", "line 1: peer has no column 'mix_sessions'; did you mean 'max_sessions'?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rows *r = NULL;
        struct error err = {0};
        assert_int_not_equal(rows_parse(table_find(STR("peer")), str_from(cases[i].lines), &r, &err), 0);
        assert_null(r);
        assert_string_equal(err.text, cases[i].message);
    }
}

static struct row *make(const struct table *t, const char *key, const char *text, bool gone) {
    struct row *row = NULL;
    struct row_value v;
    if (gone) {
        assert_int_equal(row_new_gone(t, str_from(key), &row, NULL), 0);
    } else {
        assert_int_equal(row_value_parse(str_from(text), &v), 0);
        assert_int_equal(row_new(t, str_from(key), &v, 1, &row, NULL), 0);
    }
    return row;
}

static void test_change(void **state) {
    (void)state;
    const struct table *t = table_find(STR("peer"));
    struct rows *r = parse("peer", "a.example note=1\nb.example note=1\nc.example note=1\n");
    const struct row *kept = rows_find(r, STR("c.example"));
    struct row *changes[] = {
        make(t, "z.example", "note=4", false), make(t, "b.example", "note=2", false),
        make(t, "b.example", "note=3", false), make(t, "a.example", "", true),
        make(t, "y.example", "note=5", false), make(t, "y.example", "", true),
        make(t, "absent.example", "", true),
    };
    struct rows *fresh = NULL;
    assert_int_equal(rows_change(r, changes, sizeof changes / sizeof changes[0], &fresh), 0);
    rows_free(r);
    assert_int_equal(rows_count(fresh), 3);
    expect_key(rows_at(fresh, 0), "b.example");
    assert_string_equal(row_str(t, rows_at(fresh, 0), "note"), "3");
    assert_ptr_equal(rows_at(fresh, 1), kept);
    expect_key(rows_at(fresh, 2), "z.example");
    assert_null(rows_at(fresh, 3));
    assert_int_equal(rows_after(fresh, STR_EMPTY), 0);
    assert_int_equal(rows_after(fresh, STR("b.example")), 1);
    assert_int_equal(rows_after(fresh, STR("bb.example")), 1);
    assert_int_equal(rows_after(fresh, STR("z.example")), 3);
    struct rows *same = parse("peer", "z.example note=4\nc.example note=1\nb.example note=3\n");
    assert_true(rows_same(fresh, same));
    rows_free(same);
    same = parse("peer", "z.example note=4\nc.example note=1\nb.example note=4\n");
    assert_false(rows_same(fresh, same));
    rows_free(same);
    rows_free(fresh);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domain), cmocka_unit_test(test_address), cmocka_unit_test(test_address_random),
        cmocka_unit_test(test_sender), cmocka_unit_test(test_values),  cmocka_unit_test(test_parse_errors),
        cmocka_unit_test(test_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

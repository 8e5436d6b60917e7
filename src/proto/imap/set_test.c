/* Tests of set.c and runs.c; the runs against a plain bit array. RFC 9051 section 9, sequence-set. */
#include "proto/imap/set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void sets(void **state) {
    (void)state;
    static const struct {
        const char *in;
        uint32_t star;
        const char *out; /* NULL: syntax error */
    } cases[] = {
        {"1", 9, "1"},           {"1:3,5", 9, "1:3,5"},
        {"5,1:3,2:4", 9, "1:5"}, {"*", 9, "9"},
        {"7:*", 9, "7:9"},       {"*:7", 9, "7:9"},
        {"12:*", 9, "9:12"}, /* "*" is the largest in use, in any order */
        {"1:*", 0, ""},          {"4294967295", 9, "4294967295"},
        {"4294967296", 9, NULL}, {"0", 9, NULL},
        {"1:0", 9, NULL},        {"", 9, NULL},
        {"1,", 9, NULL},         {",1", 9, NULL},
        {"1::2", 9, NULL},       {"1:2:3", 9, NULL},
        {"1**", 9, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = arena_new(4096);
        struct imap_set s;
        size_t used = 0;
        int rc = imap_set_parse(str_from(cases[i].in), arena, &s, &used);
        if ((rc == 0) != (cases[i].out != NULL)) fail_msg("%s: %d", cases[i].in, rc);
        if (rc != 0) continue;
        assert_int_equal(used, strlen(cases[i].in));
        struct imap_runs runs = {0};
        assert_int_equal(imap_set_resolve(&s, cases[i].star, &runs), 0);
        BUF_AUTO b = BUF_INIT(100);
        imap_runs_write(&runs, &b);
        assert_string_equal(buf_cstr(&b), cases[i].out);
        imap_runs_done(&runs);
    }
    ARENA_AUTO arena = arena_new(4096);
    struct imap_set s;
    size_t used = 0;
    assert_int_equal(imap_set_parse(STR("$ x"), arena, &s, &used), 0);
    assert_true(s.saved && used == 1);
}

enum { UNIVERSE = 200 };

static void check(struct imap_runs *r, const bool *has) {
    uint32_t total = 0, last = 0, next = 0;
    size_t at = 0;
    for (uint32_t n = 1; n < UNIVERSE; n++) {
        assert_int_equal(imap_runs_has(r, n), has[n]);
        if (!has[n]) {
            assert_int_equal(imap_runs_position(r, n), 0);
            continue;
        }
        total++;
        last = n;
        assert_int_equal(imap_runs_position(r, n), total);
        assert_int_equal(imap_runs_at(r, total), n);
        next = imap_runs_next(r, &at, next);
        assert_int_equal(next, n);
    }
    assert_int_equal(imap_runs_next(r, &at, next), 0);
    assert_int_equal(imap_runs_total(r), total);
    assert_int_equal(imap_runs_last(r), last);
    assert_int_equal(imap_runs_at(r, total + 1), 0);
    for (size_t i = 1; i < r->count; i++) assert_true(r->run[i - 1].last + 1 < r->run[i].first);
}

static uint32_t random_below(uint32_t n) {
    return (uint32_t)rand() % n; /* NOLINT: repeatable on purpose */
}

static void runs_random(void **state) {
    (void)state;
    srand(7);
    for (int round = 0; round < 300; round++) {
        struct imap_runs a = {0}, b = {0}, both = {0}, part = {0};
        bool in_a[UNIVERSE] = {0}, in_b[UNIVERSE] = {0}, in_both[UNIVERSE] = {0}, in_part[UNIVERSE] = {0};
        for (int i = 0; i < 12; i++) {
            uint32_t f = 1 + random_below(UNIVERSE - 20), l = f + random_below(12);
            struct imap_runs *to = i % 3 == 0 ? &b : &a;
            bool *bits = i % 3 == 0 ? in_b : in_a;
            assert_int_equal(imap_runs_add(to, f, l), 0);
            for (uint32_t n = f; n <= l; n++) bits[n] = true;
        }
        check(&a, in_a);
        check(&b, in_b);
        assert_int_equal(imap_runs_intersect(&a, &b, &both), 0);
        for (int n = 0; n < UNIVERSE; n++) in_both[n] = in_a[n] && in_b[n];
        check(&both, in_both);
        uint32_t first = 1 + random_below(40), last = first + random_below(40), position = 0;
        assert_int_equal(imap_runs_slice(&a, first, last, &part), 0);
        for (int n = 1; n < UNIVERSE; n++) {
            if (in_a[n]) position++;
            in_part[n] = in_a[n] && position >= first && position <= last;
        }
        check(&part, in_part);
        assert_int_equal(imap_runs_subtract(&a, &b), 0);
        for (int n = 0; n < UNIVERSE; n++) in_a[n] = in_a[n] && !in_b[n];
        check(&a, in_a);
        imap_runs_done(&a);
        imap_runs_done(&b);
        imap_runs_done(&both);
        imap_runs_done(&part);
    }
}

static void runs_edges(void **state) {
    (void)state;
    struct imap_runs r = {0}, gone = {0};
    assert_int_equal(imap_runs_add(&r, 0, 1), ERR_INVALID);
    assert_int_equal(imap_runs_add(&r, 2, 1), ERR_INVALID);
    assert_int_equal(imap_runs_add(&r, UINT32_MAX, UINT32_MAX), 0);
    assert_int_equal(imap_runs_add(&r, 1, UINT32_MAX - 1), 0);
    assert_int_equal(r.count, 1);
    assert_int_equal(imap_runs_add(&gone, 5, UINT32_MAX), 0);
    assert_int_equal(imap_runs_subtract(&r, &gone), 0);
    assert_int_equal(imap_runs_total(&r), 4);
    imap_runs_done(&r);
    imap_runs_done(&gone);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sets), cmocka_unit_test(runs_random),
                                       cmocka_unit_test(runs_edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

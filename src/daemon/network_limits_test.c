/* Sessions and rates of networks (SMTPD-03). */
#include "daemon/network_limits.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void sessions(void **state) {
    (void)state;
    struct network_limits l;
    assert_int_equal(network_limits_init(&l), 0);
    assert_true(network_session_enter(&l, STR("192.0.2.0/24"), 2));
    assert_true(network_session_enter(&l, STR("192.0.2.0/24"), 2));
    assert_false(network_session_enter(&l, STR("192.0.2.0/24"), 2));
    assert_true(network_session_enter(&l, STR("*"), 1));
    network_session_leave(&l, STR("192.0.2.0/24"));
    assert_true(network_session_enter(&l, STR("192.0.2.0/24"), 2));
    network_session_leave(&l, STR("192.0.2.0/24"));
    network_session_leave(&l, STR("192.0.2.0/24"));
    network_session_leave(&l, STR("*"));
    assert_int_equal(map_count(l.sessions), 0);
    network_limits_done(&l);
}

/* A minute that slides: what was before counts less and less. */
static void rates(void **state) {
    (void)state;
    static const struct {
        uint64_t at_ms;
        bool taken;
    } steps[] = {
        {0, true},      {1, true},      {59999, true},
        {59999, false}, {60000, false}, {90000, true}, /* of the three, half count */
        {90000, true},  {90000, false}, {300000, true},
        {300000, true}, {300000, true}, {300000, false},
    };
    struct network_limits l;
    assert_int_equal(network_limits_init(&l), 0);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (network_rate_take(&l, STR("k"), 3, steps[i].at_ms) != steps[i].taken) fail_msg("step %zu", i);
    for (int i = 0; i < 100; i++) assert_true(network_rate_take(&l, STR("none"), 0, 300000));
    assert_int_equal(map_count(l.rates), 1);
    network_limits_done(&l);
}

static void keys(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"2001:db8::1", "2001:db8::ffff:1", true}, /* one /64 */
        {"2001:db8::1", "2001:db8:0:1::1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_addr a, b;
        char one[20], two[20];
        assert_int_equal(net_addr_parse(str_from(cases[i].a), 1, &a), 0);
        assert_int_equal(net_addr_parse(str_from(cases[i].b), 2, &b), 0);
        assert_int_equal(str_eq(network_rate_key(&a, one), network_rate_key(&b, two)), cases[i].same);
    }
}

static void memory_is_bounded(void **state) {
    (void)state;
    struct network_limits l;
    assert_int_equal(network_limits_init(&l), 0);
    for (uint64_t i = 0; i < 60000; i++) assert_true(network_rate_take(&l, map_u64_key(&i), 1, 1000));
    assert_int_equal(map_count(l.rates), 50000);
    uint64_t late = 1;
    assert_true(network_rate_take(&l, STR("later"), 1, 600000)); /* the quiet ones go */
    assert_int_equal(map_count(l.rates), 1);
    assert_true(network_rate_take(&l, map_u64_key(&late), 1, 600000));
    network_limits_done(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sessions), cmocka_unit_test(rates), cmocka_unit_test(keys),
                                       cmocka_unit_test(memory_is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

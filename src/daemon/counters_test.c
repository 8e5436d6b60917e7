/* Sessions and rates of addresses and networks (SMTPD-03). */
#include "daemon/counters.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SESSION(k, m) ((struct counter){.key = STR(k), .max = (m)})
#define RATE(k, m)    ((struct counter){.key = STR(k), .max = (m), .rate = true})

static bool enter(struct counters *c, struct counter x, uint64_t now_ms) {
    return counters_enter(c, &x, 1, now_ms) == 1;
}

static void leave(struct counters *c, struct counter x) {
    counters_leave(c, &x, 1);
}

static void sessions(void **state) {
    (void)state;
    struct counters c;
    assert_int_equal(counters_init(&c), 0);
    assert_true(enter(&c, SESSION("net", 2), 0));
    assert_true(enter(&c, SESSION("net", 2), 0));
    assert_false(enter(&c, SESSION("net", 2), 0));
    assert_true(enter(&c, SESSION("net", 0), 0)); /* exempt, and counted */
    assert_int_equal(counters_sessions(&c, STR("net")), 3);
    assert_true(enter(&c, SESSION("*", 1), 0));
    for (int i = 0; i < 2; i++) leave(&c, SESSION("net", 2));
    assert_true(enter(&c, SESSION("net", 2), 0));
    for (int i = 0; i < 3; i++) leave(&c, SESSION("net", 2)); /* once too often changes nothing */
    leave(&c, SESSION("*", 1));
    assert_int_equal(map_count(c.sessions), 0);
    counters_done(&c);
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
    struct counters c;
    assert_int_equal(counters_init(&c), 0);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (enter(&c, RATE("k", 3), steps[i].at_ms) != steps[i].taken) fail_msg("step %zu", i);
    for (int i = 0; i < 100; i++) assert_true(enter(&c, RATE("none", 0), 300000));
    assert_int_equal(map_count(c.rates), 1);
    counters_done(&c);
}

/* What is refused for one reason counts nowhere. */
static void all_or_none(void **state) {
    (void)state;
    const struct counter list[] = {RATE("a", 2), SESSION("all", 5), SESSION("a", 1), SESSION("net", 2)};
    const struct counter other[] = {RATE("b", 2), SESSION("all", 2), SESSION("b", 1), SESSION("net", 1)};
    struct counters c;
    assert_int_equal(counters_init(&c), 0);
    assert_int_equal(counters_enter(&c, list, 4, 0), 4);
    assert_int_equal(counters_enter(&c, list, 4, 0), 2);
    assert_int_equal(counters_enter(&c, other, 4, 0), 3);
    assert_int_equal(counters_sessions(&c, STR("all")), 1);
    assert_int_equal(counters_sessions(&c, STR("b")), 0);
    counters_leave(&c, list, 4);
    assert_int_equal(map_count(c.sessions), 0);
    assert_int_equal(counters_enter(&c, list, 4, 0), 4);
    counters_leave(&c, list, 4);
    assert_int_equal(counters_enter(&c, list, 4, 0), 0); /* the third in this minute that was served */
    assert_int_equal(counters_enter(&c, other, 2, 0), 2);
    counters_undo(&c, other, 2);
    assert_true(enter(&c, RATE("b", 1), 0));
    counters_done(&c);
}

/* A worker that ends takes its sessions with it, and no others. */
static void parts(void **state) {
    (void)state;
    const struct counter list[] = {SESSION("all", 0), SESSION("a", 0), RATE("a", 9)};
    struct counters whole, part;
    assert_int_equal(counters_init(&whole), 0);
    assert_int_equal(counters_init(&part), 0);
    for (int i = 0; i < 3; i++) assert_int_equal(counters_enter(&whole, list, 3, 0), 3);
    for (int i = 0; i < 2; i++) assert_int_equal(counters_enter(&part, list, 3, 0), 3);
    counters_leave_all(&whole, &part);
    assert_int_equal(counters_sessions(&whole, STR("all")), 1);
    assert_int_equal(counters_sessions(&whole, STR("a")), 1);
    assert_int_equal(map_count(part.sessions), 0);
    counters_done(&whole);
    counters_done(&part);
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
        char one[COUNTER_ADDRESS_KEY], two[COUNTER_ADDRESS_KEY];
        assert_int_equal(net_addr_parse(str_from(cases[i].a), 1, &a), 0);
        assert_int_equal(net_addr_parse(str_from(cases[i].b), 2, &b), 0);
        assert_int_equal(str_eq(counter_address_key(&a, one), counter_address_key(&b, two)), cases[i].same);
    }
    const struct net_addr local = {.family = AF_UNIX};
    char key[COUNTER_ADDRESS_KEY];
    assert_int_equal(counter_address_key(&local, key).len, 0);
}

static void memory_is_bounded(void **state) {
    (void)state;
    struct counters c;
    assert_int_equal(counters_init(&c), 0);
    for (uint64_t i = 0; i < 60000; i++)
        assert_true(enter(&c, (struct counter){.key = map_u64_key(&i), .max = 1, .rate = true}, 1000));
    assert_int_equal(map_count(c.rates), 50000);
    assert_true(enter(&c, RATE("later", 1), 600000)); /* the quiet ones go */
    assert_int_equal(map_count(c.rates), 1);
    uint64_t entered = 0;
    for (uint64_t i = 0; i < 210000; i++) entered += enter(&c, (struct counter){.key = map_u64_key(&i), .max = 1}, 0);
    assert_int_equal(entered, 200000);
    counters_done(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sessions),    cmocka_unit_test(rates),
                                       cmocka_unit_test(all_or_none), cmocka_unit_test(parts),
                                       cmocka_unit_test(keys),        cmocka_unit_test(memory_is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

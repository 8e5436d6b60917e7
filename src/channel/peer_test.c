/* Profiles of peers: PEER-01, PEER-02, PEER-06 to PEER-15. */
#include "channel/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void hosts(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"example.com", "example.com"},
        {"example.com:587", "example.com"},
        {"[mail.example]", "mail.example"},
        {"[mail.example]:25", "mail.example"},
        {"[192.0.2.1]:25", "[192.0.2.1]"},
        {"[ipv6:2001:db8::1]", "[ipv6:2001:db8::1]"},
        {"2001:db8::1", "2001:db8::1"},
        {"", ""},
        {"[", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str got = peer_host_of(str_from(cases[i][0]));
        assert_true(str_eq(got, str_from(cases[i][1])));
    }
}

static void profiles(void **state) {
    (void)state;
    static const char lines[] = "* retry_period=1d\n"
                                "xyz.org max_sessions=2 messages_per_session=3 max_out=8192 run_interval=1h\n"
                                "engr.xyz.org transmit=no\n"
                                "dial.example queue_first=yes keep_tags=yes precedence=4\n";
    static const struct {
        const char *name;
        struct peer want;
    } cases[] = {
        {"other.example", {true, false, false, false, 900, 86400, 0, 0, 0, 0}},
        {"xyz.org", {true, false, false, true, 3600, 0, 8192, 2, 3, 0}},
        {"[mail.XYZ.org]:587", {true, false, false, true, 3600, 0, 8192, 2, 3, 0}},
        {"a.engr.xyz.org", {false, false, false, false, 900, 0, 0, 0, 0, 0}},
        {"dial.example", {true, true, true, true, 900, 0, 0, 0, 0, 4}},
    };
    struct rows *rows = NULL, *none = NULL;
    assert_int_equal(rows_parse(table_find(STR("peer")), str_from(lines), &rows, NULL), 0);
    assert_int_equal(rows_parse(table_find(STR("peer")), STR(""), &none, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer p;
        const struct peer *w = &cases[i].want;
        peer_get(rows, str_from(cases[i].name), &p);
        assert_int_equal(p.transmit, w->transmit);
        assert_int_equal(p.queue_first, w->queue_first);
        assert_int_equal(p.keep_tags, w->keep_tags);
        assert_int_equal(p.runs, w->runs);
        assert_int_equal(p.run_interval_s, w->run_interval_s);
        assert_int_equal(p.retry_period_s, w->retry_period_s);
        assert_int_equal(p.max_out, w->max_out);
        assert_int_equal(p.max_sessions, w->max_sessions);
        assert_int_equal(p.messages_per_session, w->messages_per_session);
        assert_int_equal(p.precedence, w->precedence);
        peer_get(none, str_from(cases[i].name), &p);
        assert_true(p.transmit && !p.queue_first && !p.runs);
        assert_int_equal(p.run_interval_s, 900);
    }
    rows_free(rows);
    rows_free(none);
}

/* PEER-08: runs are an interval apart, always ahead, and not at the same moment for all. */
static void runs(void **state) {
    (void)state;
    static const uint64_t intervals[] = {10, 900, 86400};
    for (size_t i = 0; i < 3; i++) {
        int64_t ms = (int64_t)intervals[i] * 1000, now = 1790000000123;
        int64_t next = peer_next_run(STR("dial.example"), intervals[i], now);
        assert_true(next > now && next <= now + ms);
        assert_int_equal(peer_next_run(STR("dial.example"), intervals[i], next), next + ms);
        assert_int_equal(peer_next_run(STR("dial.example"), intervals[i], next - 1), next);
        assert_int_not_equal(peer_next_run(STR("other.example"), intervals[i], now), next);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(hosts), cmocka_unit_test(profiles), cmocka_unit_test(runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

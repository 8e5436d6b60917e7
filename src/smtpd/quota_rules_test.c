/* Unit tests of quota_rules.c: SMTPD-11, SMTPD-12. */
#include "smtpd/quota_rules.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MEGABYTE = 1024 * 1024 };

static void limits(void **state) {
    (void)state;
    static const struct {
        uint32_t max_messages, max_recipients;
        uint64_t max_mb;
        uint32_t messages, recipients;
        uint64_t bytes, size;
        unsigned count, message_code, recipient_code;
    } cases[] = {
        {0, 0, 0, 99999, 99999, UINT64_MAX / 2, UINT64_MAX / 2, 99999, 0, 0},
        {10, 0, 0, 9, 0, 0, 0, 0, 0, 0},
        {10, 0, 0, 10, 0, 0, 0, 0, 450, 0},
        {0, 100, 0, 0, 90, 0, 0, 9, 0, 0},
        {0, 100, 0, 0, 90, 0, 0, 10, 0, 452},
        {0, 0, 1, 0, 0, 0, MEGABYTE, 0, 0, 0},
        {0, 0, 1, 0, 0, 0, MEGABYTE + 1, 0, 552, 0},
        {0, 0, 1, 0, 0, 1, MEGABYTE, 0, 452, 0},
        {0, 0, 1, 0, 0, MEGABYTE, 0, 0, 452, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct smtpd_quotas q = {.daily_messages = cases[i].max_messages,
                                 .daily_recipients = cases[i].max_recipients,
                                 .daily_bytes = cases[i].max_mb * MEGABYTE};
        Store__Usage u = STORE__USAGE__INIT;
        u.messages = cases[i].messages;
        u.recipients = cases[i].recipients;
        u.bytes = cases[i].bytes;
        assert_int_equal(quota_message(&q, &u, cases[i].size).code, cases[i].message_code);
        assert_int_equal(quota_recipient(&q, &u, cases[i].count).code, cases[i].recipient_code);
        assert_int_equal(quota_applies(&q), i > 0);
    }
}

static void brakes(void **state) {
    (void)state;
    static const struct smtpd_quotas q = {
        .brake_recipients = 500, .brake_factor = 3, .brake_bounces = 50, .brake_rate = 20, .brake_period_s = 3600};
    static const struct {
        uint32_t recipients, usual, bounces;
        int64_t braked_ago_s; /* -1: not braked */
        enum brake_verdict want;
    } cases[] = {
        {499, 10, 0, -1, BRAKE_NONE},  {500, 10, 0, -1, BRAKE_BEGIN},  {500, 166, 0, -1, BRAKE_BEGIN},
        {500, 167, 0, -1, BRAKE_NONE}, /* who sends much every day is not suspicious */
        {99, 10, 50, -1, BRAKE_BEGIN}, {100, 10, 50, -1, BRAKE_BEGIN}, {101, 10, 50, -1, BRAKE_NONE},
        {49, 0, 49, -1, BRAKE_NONE},   {500, 10, 99, 0, BRAKE_NONE},   {500, 10, 99, 3599, BRAKE_NONE},
        {0, 10, 0, 3600, BRAKE_END},
    };
    char why[QUOTA_TEXT_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Usage u = STORE__USAGE__INIT;
        u.hour_recipients = cases[i].recipients;
        u.usual = cases[i].usual;
        u.hour_bounces = cases[i].bounces;
        u.braked = cases[i].braked_ago_s < 0 ? 0 : 1000000000 - cases[i].braked_ago_s * 1000;
        assert_int_equal(brake_judge(&q, &u, 1000000000, why), cases[i].want);
    }
    Store__Usage u = STORE__USAGE__INIT;
    u.hour_recipients = 15;
    assert_int_equal(brake_recipient(&q, &u, 1000).code, 0);
    u.braked = 1;
    assert_int_equal(brake_recipient(&q, &u, 4).code, 0);
    assert_int_equal(brake_recipient(&q, &u, 5).code, 450);
    assert_int_equal(quota_of_whole(&q, &u, 1, 6).code, 450);
    u.usual = 166;
    assert_int_equal(brake_threshold(&q, &u), 500);
    u.usual = 167;
    assert_int_equal(brake_threshold(&q, &u), 501);
    const struct smtpd_quotas none = {.brake_factor = 3}, day = {.daily_recipients = 10};
    assert_int_equal(brake_threshold(&none, &u), 0);
    u.recipients = 8;
    assert_int_equal(quota_of_whole(&day, &u, 1, 3).code, 452);
    assert_int_equal(quota_of_whole(&day, &u, 1, 2).code, 450); /* fits now: another one was first a moment ago */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(limits), cmocka_unit_test(brakes)};
    return cmocka_run_group_tests_name("quota rules", tests, NULL, NULL);
}

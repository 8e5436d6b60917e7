/* Unit tests of usage.c: SMTPD-11, SMTPD-12. */
#include "store/service/usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR = 3600 * 1000 };
#define DAY   (24ll * HOUR)
#define START (20000 * DAY)

static void counts(void **state) {
    (void)state;
    struct usage u = {0};
    const struct usage_count one = {.messages = 1, .recipients = 10, .bytes = 1000}, bounce = {.bounces = 2};
    static const struct {
        int64_t at;
        bool bounced;
        uint32_t messages, recipients, bounces, hour_recipients, hour_bounces, usual;
    } steps[] = {
        {START, false, 1, 10, 0, 10, 0, 0},
        {START + 1000, true, 1, 10, 2, 10, 2, 0},
        {START + HOUR, false, 2, 20, 2, 10, 0, 0},
        {START + HOUR - 1, false, 3, 30, 2, 20, 0, 0}, /* a clock that goes back */
        {START + DAY, false, 1, 10, 0, 10, 0, 30},
        {START + 9 * DAY, false, 1, 10, 0, 10, 0, 37}, /* days without mail do not count */
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        usage_add(&u, steps[i].at, steps[i].bounced ? &bounce : &one);
        assert_int_equal(u.today.messages, steps[i].messages);
        assert_int_equal(u.today.recipients, steps[i].recipients);
        assert_int_equal(u.today.bounces, steps[i].bounces);
        assert_int_equal(u.now.recipients, steps[i].hour_recipients);
        assert_int_equal(u.now.bounces, steps[i].hour_bounces);
        assert_int_equal(u.usual, steps[i].usual);
    }
    const struct usage_count many = {.recipients = UINT32_MAX};
    usage_add(&u, START + 9 * DAY, &many);
    assert_int_equal(u.today.recipients, UINT32_MAX);
}

static void limits(void **state) {
    (void)state;
    static const struct {
        struct usage_limits l;
        bool braked, fits;
    } cases[] = {
        /* counted: 2 messages, 20 recipients, 2,000 bytes; asked for: 1, 10, 1,000 */
        {{0}, false, true},
        {{.messages = 3}, false, true},
        {{.messages = 2}, false, false},
        {{.recipients = 30}, false, true},
        {{.recipients = 29}, false, false},
        {{.bytes = 3000}, false, true},
        {{.bytes = 2999}, false, false},
        {{.bytes = 1}, false, false},
        {{.hour_before = 21}, false, true},
        {{.hour_before = 20}, false, false},
        {{.brake_rate = 1}, false, true},
        {{.brake_rate = 30}, true, true},
        {{.brake_rate = 29}, true, false},
        {{0}, true, false},
    };
    const struct usage_count one = {.messages = 1, .recipients = 10, .bytes = 1000};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct usage u = {.braked = cases[i].braked};
        usage_add(&u, START, &one);
        usage_add(&u, START, &one);
        if (usage_fits(&u, &cases[i].l, &one) != cases[i].fits) fail_msg("case %zu", i);
    }
    struct usage u = {0};
    usage_add(&u, START, &one);
    usage_add(&u, START, &one);
    usage_withdraw(&u, START, &one);
    assert_int_equal(u.today.recipients, 10);
    assert_int_equal(u.now.bytes, 1000);
    usage_withdraw(&u, START + DAY, &one);
    assert_int_equal(u.today.messages, 0);
}

static void brakes(void **state) {
    (void)state;
    struct usage u = {0}, back;
    const struct usage_count one = {.messages = 1, .recipients = 10, .bytes = 1000};
    usage_add(&u, START, &one);
    assert_false(usage_brake(&u, START, false, ""));
    usage_add(&u, START, &one);
    assert_true(usage_brake(&u, START + 5, true, "too many"));
    assert_false(usage_brake(&u, START + 6, true, "again"));
    assert_int_equal(u.braked, START + 5);
    assert_false(usage_is_old(&u, START + 100 * DAY));
    BUF_AUTO bytes = BUF_INIT(USAGE_RECORD_MAX);
    usage_pack(&u, &bytes);
    assert_int_equal(usage_unpack(buf_str(&bytes), &back), 0);
    assert_string_equal(back.reason, "too many");
    assert_int_equal(back.today.bytes, 2000);
    assert_int_equal(back.now.recipients, 10);
    assert_int_equal(back.braked, u.braked);
    for (size_t n = 0; n < bytes.len; n++) assert_int_equal(usage_unpack(str_of(bytes.ptr, n), &back), ERR_CORRUPT);
    assert_true(usage_brake(&u, START + 7, false, ""));
    assert_int_equal(u.now.recipients, 0);
    assert_int_equal(u.today.recipients, 20);
    assert_string_equal(u.reason, "");
    assert_false(usage_is_old(&u, START + USAGE_KEPT_DAYS * DAY));
    assert_true(usage_is_old(&u, START + (USAGE_KEPT_DAYS + 1) * DAY));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts), cmocka_unit_test(limits), cmocka_unit_test(brakes)};
    return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}

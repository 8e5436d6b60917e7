/* Unit tests of local delivery's decisions: LMDA-04, LMDA-06, QUOTA-14; RFC 5321 section 4.4 (Return-Path). */
#include "lmda/lmda.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lmda/prefix.h"

static void prefixes(void **state) {
    (void)state;
    static const struct {
        const char *sender, *recipient, *before, *want;
    } cases[] = {
        {"a@b", "c@d", "Received: x\r\n", "Return-Path: <a@b>\r\nDelivered-To: c@d\r\nReceived: x\r\n"},
        {"", "c@d", "", "Return-Path: <>\r\nDelivered-To: c@d\r\n"},
        {"a@b>\r\nX-Evil: <", "c@d\nX", "", "Return-Path: <a@b>X-Evil: <>\r\nDelivered-To: c@dX\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO out = BUF_INIT(PREFIX_MAX);
        prefix_make(str_from(cases[i].sender), str_from(cases[i].recipient), str_from(cases[i].before), &out);
        assert_string_equal(buf_cstr(&out), cases[i].want);
    }
}

static void circles(void **state) {
    (void)state;
    static const struct {
        const char *header;
        bool before;
    } cases[] = {
        {"Delivered-To: c@d\r\n\r\n", true},
        {"Received: x\r\ndelivered-to:  C@D \r\n\r\n", true},
        {"Delivered-To: other@d\r\nDelivered-To: c@d\r\n\r\n", true},
        {"Delivered-To: cc@d\r\n\r\n", false},
        {"X-Delivered-To: c@d\r\n\r\n", false},
        {"Subject: x\r\n\r\nDelivered-To: c@d\r\n", false},
        {"", false},
        {"Delivered-To:", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(prefix_delivered_before(str_from(cases[i].header), STR("c@d")), cases[i].before);
}

/* Over quota: 4.2.2 and retry for a day, then 5.2.2 (QUOTA-14). */
static void quota(void **state) {
    (void)state;
    static const struct {
        int64_t age_ms;
        enum delivery_state want;
        const char *status;
    } cases[] = {
        {0, DELIVERY_WAITS, "4.2.2"},
        {86399999, DELIVERY_WAITS, "4.2.2"},
        {86400000, DELIVERY_FAILED, "5.2.2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct delivery d = delivery_over_quota(1000, 1000 + cases[i].age_ms, 86400);
        assert_int_equal(d.state, cases[i].want);
        assert_string_equal(d.status, cases[i].status);
    }
}

static void resolved(void **state) {
    (void)state;
    static const struct {
        Dir__Kind kind;
        const char *channel;
        uint64_t account;
        bool may_receive;
        enum delivery_state want;
        const char *status;
    } cases[] = {
        {DIR__KIND__LOCAL, "LOCAL", 7, true, DELIVERY_PENDING, NULL},
        {DIR__KIND__LOCAL, "LOCAL", 7, false, DELIVERY_FAILED, "5.2.1"},
        {DIR__KIND__LOCAL, "SMTPC", 0, true, DELIVERY_FAILED, "5.1.1"},
        {DIR__KIND__UNKNOWN, NULL, 0, false, DELIVERY_FAILED, "5.1.1"},
        {DIR__KIND__NO_RECEIVE, NULL, 0, false, DELIVERY_FAILED, "5.2.1"},
        {DIR__KIND__NOT_LOCAL, NULL, 0, false, DELIVERY_FAILED, "5.1.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Dir__Target t = DIR__TARGET__INIT, *list[] = {&t};
        Dir__Resolved r = DIR__RESOLVED__INIT;
        Store__Recipient recipient = STORE__RECIPIENT__INIT;
        r.kind = cases[i].kind;
        r.targets = list;
        r.n_targets = cases[i].channel != NULL;
        t.channel = (char *)(uintptr_t)cases[i].channel;
        t.account = cases[i].account;
        t.quota = 99;
        t.may_receive = cases[i].may_receive;
        struct delivery d = delivery_resolved(&recipient, &r);
        assert_int_equal(d.state, cases[i].want);
        if (cases[i].status != NULL) assert_string_equal(d.status, cases[i].status);
        assert_int_equal(recipient.account, d.state == DELIVERY_PENDING ? 7 : 0);
        assert_int_equal(recipient.quota, d.state == DELIVERY_PENDING ? 99 : 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes),
        cmocka_unit_test(circles),
        cmocka_unit_test(quota),
        cmocka_unit_test(resolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of how the queue is shown: SCLI-03, SCLI-04, SQST-07, SQST-08. */
#include "cli/queue_sending.h"
#include "cli/queue_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void numbers(void **state) {
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *want;
    } sizes[] = {{0, "0"},
                 {999, "999"},
                 {1000, "1.0 KB"},
                 {12345, "12.3 KB"},
                 {4000000, "4.0 MB"},
                 {999949999, "999.9 MB"},
                 {5000000000, "5.0 GB"},
                 {7000000000000, "7.0 TB"}};
    static const struct {
        int64_t ms;
        const char *want;
    } ages[] = {{-5, "0s"},      {59999, "59s"},          {60000, "1m"},         {3599999, "59m"},
                {3600000, "1h"}, {47LL * 3600000, "47h"}, {48LL * 3600000, "2d"}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        BUF_AUTO out = BUF_INIT(100);
        text_size(sizes[i].bytes, &out);
        assert_string_equal(buf_cstr(&out), sizes[i].want);
    }
    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
        BUF_AUTO out = BUF_INIT(100);
        text_age(ages[i].ms, &out);
        assert_string_equal(buf_cstr(&out), ages[i].want);
    }
}

static void entries(void **state) {
    (void)state;
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient r[5], *list[5];
    for (int i = 0; i < 5; i++) {
        store__recipient__init(&r[i]);
        r[i].address = (char *)(uintptr_t)(i == 0 ? "a\x1b[2J@x" : "b@x");
        list[i] = &r[i];
    }
    e.id = 42;
    e.channel = (char *)(uintptr_t) "SMTPC";
    e.sender = (char *)(uintptr_t) "s@me.test";
    e.size = 1234;
    e.created = 1795244000000;
    e.ready = e.created + 600000;
    e.reason = (char *)(uintptr_t) "4.4.1 timed out";
    e.recipients = list;
    e.n_recipients = 5;
    e.priority = 7;
    BUF_AUTO out = BUF_INIT(4000);
    text_entry(&e, e.created + 300000, &out);
    assert_string_equal(buf_cstr(&out),
                        "42         SMTPC  1.2 KB   5m   retry in 5m   <s@me.test> > <a?[2J@x> <b@x> <b@x> (+2 more)\n"
                        "           4.4.1 timed out\n");
    buf_clear(&out);
    text_mailq(&e, true, &out);
    struct str rest = buf_str(&out), first = str_cut(&rest, '\n'), second = str_cut(&rest, '\n'),
               third = str_cut(&rest, '\n');
    assert_true(str_starts(first, STR("42             1234 ")));
    assert_true(str_ends(first, STR("<s@me.test>  priority 7")));
    assert_true(str_eq(second, STR("    (4.4.1 timed out)")));
    assert_true(str_eq(third, STR("        <a?[2J@x>")));
    buf_clear(&out);
    text_entry_full(&e, e.created, &out);
    assert_non_null(strstr(buf_cstr(&out), "State        retry in 10m\n"));
    assert_non_null(strstr(buf_cstr(&out), "Recipient    <b@x>\n"));
}

/* SQST-01: what smtpc is doing, out of the measurements of all modules. */
static void sending(void **state) {
    (void)state;
    struct queue_sending s;
    BUF_AUTO out = BUF_INIT(1000);
    assert_false(queue_sending_parse(STR("# HELP x\niems_store_x 7\n"), &s));
    assert_true(queue_sending_parse(STR("# HELP iems_smtpc_lookups Look-ups\niems_smtpc_lookups 3\n"
                                        "iems_smtpc_connections_open{worker=\"0\"} 2\niems_smtpc_sent_total 40\n"
                                        "iems_smtpc_sent_totals 5\niems_smtpc_bounced_total x"),
                                    &s));
    queue_sending_text(&s, &out);
    assert_string_equal(buf_cstr(&out),
                        "Sending: 2 connections (0 to destinations that failed the last time), 3 "
                        "look-ups\nSince the start of smtpc: 0 connections, 40 sent, 0 deferred, 0 sent "
                        "back\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(entries), cmocka_unit_test(sending)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

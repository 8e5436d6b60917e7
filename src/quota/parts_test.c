/* Life cycle, schedule and reports of the Quota Agent: QUOTA-02 to QUOTA-06, QUOTA-09, QUOTA-10. */
#include "quota/life.h"
#include "quota/report.h"
#include "quota/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MB = 1024 * 1024, DAY = 86400, FINE = 0, WARNED = 1, EXPIRED = 2, RECOVERED = 3 };

/* The example of QUOTA-02: 18 of 20 MB; checks day by day. */
static void life(void **state) {
    (void)state;
    static const struct {
        enum life_disable disable;
        struct {
            unsigned day, mb;
            int event, stage;
        } checks[8];
    } cases[] = {
        {DISABLE_LEVEL,
         {{1, 17, LIFE_NOTHING, FINE},
          {2, 18, LIFE_WARN, WARNED},
          {3, 19, LIFE_NOTHING, WARNED},
          {15, 18, LIFE_NOTHING, WARNED},
          {16, 18, LIFE_EXPIRE, EXPIRED},
          {17, 18, LIFE_NOTHING, EXPIRED},
          {18, 10, LIFE_RECOVER, RECOVERED},
          {19, 10, LIFE_NOTHING, FINE}}},
        {DISABLE_LEVEL, {{1, 18, LIFE_WARN, WARNED}, {2, 10, LIFE_NOTHING, FINE}, {3, 18, LIFE_WARN, WARNED}}},
        {DISABLE_LEVEL,
         {{1, 19, LIFE_WARN, WARNED},
          {20, 19, LIFE_EXPIRE, EXPIRED},
          {21, 1, LIFE_RECOVER, RECOVERED},
          {22, 19, LIFE_WARN, WARNED}}},
        {DISABLE_FULL, {{1, 19, LIFE_WARN, WARNED}, {20, 19, LIFE_NOTHING, WARNED}, {21, 20, LIFE_EXPIRE, EXPIRED}}},
        {DISABLE_NEVER, {{1, 25, LIFE_WARN, WARNED}, {40, 25, LIFE_NOTHING, WARNED}, {41, 1, LIFE_NOTHING, FINE}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct life l = {0};
        struct life_rule rule = {.warn_percent = 90, .grace_s = 14 * DAY, .disable = cases[i].disable};
        for (size_t k = 0; k < 8 && cases[i].checks[k].day > 0; k++) {
            enum life_event e = life_step(&l, &rule, (uint64_t)cases[i].checks[k].mb * MB, 20 * MB,
                                          (int64_t)cases[i].checks[k].day * DAY);
            if ((int)e != cases[i].checks[k].event || (int)l.stage != cases[i].checks[k].stage)
                fail_msg("case %zu check %zu: event %d stage %d", i, k, (int)e, (int)l.stage);
        }
    }
}

static void life_limits(void **state) {
    (void)state;
    struct life l = {0};
    struct life_rule rule = {.warn_percent = 90, .grace_s = DAY, .disable = DISABLE_LEVEL};
    assert_int_equal(life_step(&l, &rule, UINT64_MAX, 0, 1), LIFE_NOTHING); /* unlimited */
    assert_int_equal(life_level(&rule, 20 * MB), 18 * MB);
    assert_int_equal(life_level(&rule, 99), 89);
    assert_int_equal(life_step(&l, &rule, 95, 100, 100), LIFE_WARN);
    assert_int_equal(l.until, 100 + DAY);
    assert_int_equal(life_step(&l, &rule, 95, 100, 100 + DAY), LIFE_EXPIRE);
    assert_int_equal(l.level, 90);
    assert_int_equal(life_step(&l, &rule, 95, 0, 100 + 2 * DAY), LIFE_RECOVER); /* the limit was lifted */
    l = (struct life){.stage = STORE__QUOTA_STAGE__EXPIRED, .level = 90};
    rule.disable = DISABLE_NEVER;
    assert_int_equal(life_step(&l, &rule, 95, 100, 5), LIFE_RECOVER);
    assert_int_equal(l.stage, STORE__QUOTA_STAGE__WARNED);
}

static int64_t at(int year, int month, int day, int hour, int minute) {
    struct tm tm = {
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_isdst = -1};
    return mktime(&tm);
}

static void schedule(void **state) {
    (void)state;
    struct schedule s;
    struct error err = {0};
    assert_int_equal(setenv("TZ", "Europe/Berlin", 1), 0);
    tzset();
    static const char *const bad[] = {"24:00", "1:60", "noon", "12", "12:5", ":30", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(schedule_parse(str_from(bad[i]), SCHEDULE_DAILY, &s, &err), ERR_INVALID);
    assert_int_equal(schedule_parse(STR("03:30"), SCHEDULE_DAILY, &s, &err), 0);
    assert_int_equal(schedule_next(&s, at(2026, 11, 21, 3, 29)), at(2026, 11, 21, 3, 30));
    assert_int_equal(schedule_next(&s, at(2026, 11, 21, 3, 30)), at(2026, 11, 22, 3, 30)); /* a Saturday */
    assert_int_equal(schedule_next(&s, at(2026, 12, 31, 4, 0)), at(2027, 1, 1, 3, 30));
    assert_int_equal(schedule_parse(STR("0:00"), 1, &s, &err), 0);
    assert_int_equal(schedule_next(&s, at(2026, 11, 21, 12, 0)), at(2026, 11, 23, 0, 0)); /* Monday */
    assert_int_equal(schedule_next(&s, at(2026, 11, 23, 0, 0)), at(2026, 11, 30, 0, 0));
    /* summer time begins at 02:00 on 28 March 2027: 02:30 does not exist */
    assert_int_equal(schedule_parse(STR("02:30"), SCHEDULE_DAILY, &s, &err), 0);
    int64_t next = schedule_next(&s, at(2027, 3, 27, 12, 0));
    assert_true(next > at(2027, 3, 28, 0, 0) && next < at(2027, 3, 28, 5, 0));
}

static void reports(void **state) {
    (void)state;
    struct report_account list[] = {
        {.address = "z@b.test",
         .domain = "b.test",
         .limit = 20 * MB,
         .used = 18 * MB,
         .files = {.enabled = true, .limit = 50 * MB, .used = 12 * MB, .count = 7},
         .life = {.stage = STORE__QUOTA_STAGE__WARNED, .until = 1000}},
        {.address = "<x>&@a.test", .domain = "a.test", .used = MB, .files = {.enabled = true}},
        {.address = "a@b.test",
         .domain = "b.test",
         .limit = MB,
         .used = 2 * MB,
         .files = {.limit = MB, .used = MB, .count = 1}, /* it was disabled later */
         .life = {.stage = STORE__QUOTA_STAGE__EXPIRED}},
    };
    struct report r = {
        .arena = arena_new(100000), .hostname = "mail.example.test", .accounts = list, .count = 3, .at = 1};
    r.home = "/srv/mail/data/store";
    assert_int_equal(report_sort(&r), 0);
    r.domains[0].files_disabled = true;
    r.domains[1].files_limit = 100 * MB;
    assert_int_equal(r.domain_count, 2);
    assert_string_equal(r.domains[0].name, "a.test");
    assert_int_equal(r.domains[1].used, 20 * MB);
    assert_string_equal(r.accounts[1].address, "a@b.test");
    struct report_sums s = report_sum(&r);
    assert_int_equal(s.used, 21 * MB);
    assert_int_equal(s.over, 1);
    assert_int_equal(s.warned, 1);
    assert_int_equal(s.expired, 1);
    BUF_AUTO text = BUF_INIT(REPORT_MAX), few = BUF_INIT(REPORT_MAX), html = BUF_INIT(REPORT_MAX);
    report_text(&r, true, &text);
    report_text(&r, false, &few);
    report_html(&r, &html);
    assert_true(str_find_str(buf_str(&text), STR("Total usage    21.0 MB\n")) > 0);
    assert_true(str_find_str(buf_str(&text), STR("b.test: 2 users, 20.0 MB used of unlimited\n")) > 0);
    assert_true(str_find_str(buf_str(&text), STR("<x>&@a.test")) > 0);
    assert_true(str_find_str(buf_str(&few), STR("<x>&@a.test")) < 0);
    assert_true(str_find_str(buf_str(&few), STR("warned until ")) > 0);
    assert_true(str_find_str(buf_str(&html), STR("&lt;x&gt;&amp;@a.test")) > 0);
    assert_true(str_find_str(buf_str(&html), STR("<x>")) < 0);
    /* WFOLD-02: the second section, told apart, with home directory, totals, limit and use of each user */
    assert_int_equal(s.files_used, 13 * MB);
    assert_int_equal(s.files_users, 2);
    assert_true(str_find_str(buf_str(&text), STR("\n\nQuota Report for Web Store\nHome directory /srv/mail/data/store\n"
                                                 "Total usage    13.0 MB in 8 files\nUsers          2\n"
                                                 "Over quota     1\n\nb.test: 2 users, 13.0 MB used of 100.0 MB\n")) >
                0);
    assert_true(
        str_ends(buf_str(&text),
                 STR("  a@b.test                                         1.0 MB of         1.0 MB        1 files  "
                     "disabled\n  z@b.test                                        12.0 MB of        50.0 MB    "
                     "    7 files  \n")));
    assert_true(str_ends(buf_str(&few), STR("1 files  disabled\n")));
    assert_true(str_find_str(buf_str(&html), STR("<h2>Quota Report for Web Store</h2>")) > 0);
    assert_true(str_find_str(buf_str(&html), STR("<tr><td>z@b.test</td><td>50.0 MB</td><td>12.0 MB</td><td>7</td>")) >
                0);
    for (size_t i = 0; i < 3; i++) list[i].files.enabled = false, list[i].files.count = 0;
    buf_clear(&text);
    report_text(&r, true, &text);
    assert_true(str_find_str(buf_str(&text), STR("Web Store")) < 0); /* nobody has any */
    arena_free(r.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(life), cmocka_unit_test(life_limits),
                                       cmocka_unit_test(schedule), cmocka_unit_test(reports)};
    return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}

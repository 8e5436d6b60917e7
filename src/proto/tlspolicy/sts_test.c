/* MTA-STS records and policies: RFC 8461 sections 3.1, 3.2, 4.1, as tables. */
#include "proto/tlspolicy/sts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void records(void **state) { /* section 3.1 */
    static const struct {
        const char *texts[3];
        const char *id; /* NULL: no policy */
    } cases[] = {
        {{"v=STSv1; id=20160831085700Z;"}, "20160831085700Z"},
        {{"v=STSv1; id=20160831085700Z"}, "20160831085700Z"},
        {{"v=STSv1;id=1"}, "1"},
        {{"v=STSv1 ; id=1 ;"}, "1"},
        {{"v=STSv1; more=x; id=1; a.b-c_d=\"y\";"}, "1"},
        {{"v=spf1 -all", "v=STSv1; id=7;"}, "7"},
        {{NULL}, NULL},
        {{"v=STSv1; id=1;", "v=STSv1; id=2;"}, NULL}, /* several: none */
        {{"v=STSv1;"}, NULL},
        {{"v=STSv1; id=;"}, NULL},
        {{"v=STSv1; id=a-b;"}, NULL},
        {{"v=STSv1; id=123456789012345678901234567890123;"}, NULL},
        {{"v=STSv1; id=1; id=2;"}, NULL},
        {{"v=STSv1; id=1; nonsense;"}, NULL},
        {{"v=STSv2; id=1;"}, NULL},
        {{"V=STSv1; id=1;"}, NULL},
        {{"id=1; v=STSv1;"}, NULL},
        {{"v=STSv1"}, NULL},
        {{""}, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str texts[3], id = STR_EMPTY;
        size_t n = 0;
        while (n < 3 && cases[i].texts[n] != NULL) {
            texts[n] = str_from(cases[i].texts[n]);
            n++;
        }
        int rc = sts_record_parse(texts, n, &id);
        assert_int_equal(rc, cases[i].id == NULL ? ERR_NOTFOUND : 0);
        if (cases[i].id != NULL && !str_eq(id, str_from(cases[i].id))) fail_msg("case %zu", i);
    }
}

static void policies(void **state) { /* section 3.2 */
    static const struct {
        const char *text;
        bool ok;
        enum sts_mode mode;
        uint32_t max_age;
        size_t mx;
    } cases[] = {
        {"version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\n"
         "max_age: 604800\n",
         true, STS_ENFORCE, 604800, 3},
        {"version: STSv1\r\nmode: testing\r\nmx: a.test\r\nmax_age: 86400\r\n", true, STS_TESTING, 86400, 1},
        {"version:STSv1\nmode:none\nmax_age:0", true, STS_NONE, 0, 0},
        {"max_age: 5\nmx: a.test\nmode: enforce \nversion: STSv1\n\n", true, STS_ENFORCE, 5, 1},
        /* unknown keys are passed over; of a key given twice the first counts */
        {"version: STSv1\nmode: enforce\nmode: none\nmx: a.test\nmax_age: 9\nmax_age: 1\nnew-key: what: ever\n", true,
         STS_ENFORCE, 9, 1},
        {"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 9999999999\n", true, STS_ENFORCE, STS_MAX_AGE_MAX, 1},
        {"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 99999999999\n", false, STS_NONE, 0, 0},
        {"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: -1\n", false, STS_NONE, 0, 0},
        {"version: STSv1\nmode: enforce\nmax_age: 1\n", false, STS_NONE, 0, 0},
        {"version: STSv1\nmode: strict\nmx: a.test\nmax_age: 1\n", false, STS_NONE, 0, 0},
        {"version: STSv2\nmode: enforce\nmx: a.test\nmax_age: 1\n", false, STS_NONE, 0, 0},
        {"mode: enforce\nmx: a.test\nmax_age: 1\n", false, STS_NONE, 0, 0},
        {"version: STSv1\nmx: a.test\nmax_age: 1\n", false, STS_NONE, 0, 0},
        {"version: STSv1\nmode: enforce\nmx: a.test\n", false, STS_NONE, 0, 0},
        {"version: STSv1\nmode: enforce\nmx: a.*.test\nmax_age: 1\n", false, STS_NONE, 0, 0},
        {"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n", false, STS_NONE, 0, 0},
        {"version: STSv1\nmode: enforce\nmx: a.test.\nmax_age: 1\n", false, STS_NONE, 0, 0},
        {"version: STSv1\nmode: enforce\nmx: a..test\nmax_age: 1\n", false, STS_NONE, 0, 0},
        {"version: STSv1\nmode: enforce\nmx: \nmax_age: 1\n", false, STS_NONE, 0, 0},
        {"<html>not found</html>\n", false, STS_NONE, 0, 0},
        {"", false, STS_NONE, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sts_policy p;
        struct error err = {0};
        int rc = sts_policy_parse(str_from(cases[i].text), &p, &err);
        if ((rc == 0) != cases[i].ok) fail_msg("case %zu: %d %s", i, rc, err.text);
        if (rc != 0) {
            assert_true(err.text[0] != '\0');
            continue;
        }
        assert_int_equal(p.mode, cases[i].mode);
        assert_int_equal(p.max_age, cases[i].max_age);
        assert_int_equal(p.mx_count, cases[i].mx);
    }
}

static void matching(void **state) { /* section 4.1 */
    static const struct {
        const char *host;
        bool ok;
    } cases[] = {
        {"mail.example.com", true},    {"MAIL.Example.COM.", true}, {"example.com", false},
        {"x.mail.example.com", false}, {"a.example.net", true},     {"a.b.example.net", false},
        {"example.net", false},        {".example.net", false},     {"", false},
    };
    struct sts_policy p = {.mode = STS_ENFORCE, .mx_count = 2, .mx = {STR("mail.example.com"), STR("*.example.net")}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (sts_mx_matches(&p, str_from(cases[i].host)) != cases[i].ok) fail_msg("case %zu", i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),
        cmocka_unit_test(policies),
        cmocka_unit_test(matching),
    };
    return cmocka_run_group_tests_name("sts", tests, NULL, NULL);
}

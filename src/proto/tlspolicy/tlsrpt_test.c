/* Reports about TLS (RFC 8460): the record, the JSON both ways, the message both ways. */
#include "proto/tlspolicy/tlsrpt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void records(void **state) { /* section 3 */
    static const struct {
        const char *texts[2];
        size_t count;
        const char *first;
    } cases[] = {
        {{"v=TLSRPTv1; rua=mailto:reports@example.com"}, 1, "mailto:reports@example.com"},
        {{"v=TLSRPTv1;rua=https://reporting.example.com/v1/tlsrpt;"}, 1, "https://reporting.example.com/v1/tlsrpt"},
        {{"v=TLSRPTv1; rua=ftp://x/,mailto:a@b.test, https://c.test/"}, 2, "mailto:a@b.test"},
        {{"v=TLSRPTv1; ext=1; rua=mailto:a@b.test;", "v=spf1"}, 1, "mailto:a@b.test"},
        {{"v=TLSRPTv1; rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:c@d.test"}, 0, NULL},
        {{"v=TLSRPTv1;"}, 0, NULL},
        {{"v=TLSRPTv1; rua=ftp://x/"}, 0, NULL},
        {{"rua=mailto:a@b.test; v=TLSRPTv1"}, 0, NULL},
        {{""}, 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str texts[2] = {str_from(cases[i].texts[0]), str_from(cases[i].texts[1])}, uri[TLSRPT_RUA_MAX];
        size_t found = 0;
        int rc = tlsrpt_record_parse(texts, cases[i].texts[1] == NULL ? 1 : 2, uri, &found);
        assert_int_equal(rc, cases[i].count == 0 ? ERR_NOTFOUND : 0);
        assert_int_equal(found, cases[i].count);
        if (found > 0) assert_true(str_eq(uri[0], str_from(cases[i].first)));
    }
}

static void mailto(void **state) {
    static const struct {
        const char *uri, *address; /* NULL: refused */
    } cases[] = {
        {"mailto:a@b.test", "a@b.test"},
        {"MAILTO:a%2cb%21@c.test?subject=x", NULL}, /* a comma would be another address */
        {"mailto:a%21b@c.test?subject=x", "a!b@c.test"},
        {"mailto:a", NULL},
        {"mailto:@b.test", NULL},
        {"mailto:a@", NULL},
        {"mailto:a%0d%0aBcc:x@b.test", NULL},
        {"mailto:a%2@b.test", NULL},
        {"https://b.test", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO address = BUF_INIT(400);
        int rc = tlsrpt_mailto(str_from(cases[i].uri), &address);
        if ((rc == 0) != (cases[i].address != NULL)) fail_msg("case %zu", i);
        if (rc == 0) assert_string_equal(buf_cstr(&address), cases[i].address);
    }
}

static const struct str strings[] = {STR("version: STSv1"), STR("mode: testing")}, patterns[] = {STR("*.far.test")};
static const struct tlsrpt_failure failures[] = {
    {.result = TLSRPT_CERTIFICATE_EXPIRED,
     .sending_ip = STR("192.0.2.1"),
     .mx = STR("mx1.far.test"),
     .ip = STR("192.0.2.9"),
     .count = 100},
    {.result = TLSRPT_STARTTLS_NOT_SUPPORTED,
     .mx = STR("mx2.far.test"),
     .reason = STR("a \"quote\"\n\x01"),
     .count = 2},
};
static const struct tlsrpt_policy policies[] = {{.type = TLSRPT_STS,
                                                 .domain = STR("far.test"),
                                                 .strings = strings,
                                                 .string_count = 2,
                                                 .mx = patterns,
                                                 .mx_count = 1,
                                                 .successful = 5326,
                                                 .failed = 102,
                                                 .failures = failures,
                                                 .failure_count = 2},
                                                {.type = TLSRPT_TLSA, .domain = STR("mx.far.test"), .successful = 1}};
static const struct tlsrpt_report report = {.domain = STR("far.test"),
                                            .organization = STR("Example \xc3\x84 Inc."),
                                            .contact = STR("tls@near.test"),
                                            .id = STR("abc123"),
                                            .from = 1459468800,
                                            .to = 1459555199,
                                            .policies = policies,
                                            .policy_count = 2};

static void check(const struct tlsrpt_report *r) {
    assert_true(str_eq(r->organization, report.organization));
    assert_true(str_eq(r->from_text, STR("2016-04-01T00:00:00Z")));
    assert_true(str_eq(r->to_text, STR("2016-04-01T23:59:59Z")));
    assert_int_equal(r->policy_count, 2);
    assert_int_equal(r->policies[0].type, TLSRPT_STS);
    assert_int_equal(r->policies[0].successful, 5326);
    assert_int_equal(r->policies[0].string_count, 2);
    assert_true(str_eq(r->policies[0].mx[0], patterns[0]));
    assert_int_equal(r->policies[0].failure_count, 2);
    assert_int_equal(r->policies[0].failures[1].result, TLSRPT_STARTTLS_NOT_SUPPORTED);
    assert_true(str_eq(r->policies[0].failures[1].reason, STR("a \"quote\"??"))); /* nothing for a terminal */
    assert_int_equal(r->policies[1].type, TLSRPT_TLSA);
}

static void there_and_back(void **state) { /* section 4.4 */
    (void)state;
    BUF_AUTO json = BUF_INIT(TLSRPT_JSON_MAX);
    ARENA_AUTO arena = arena_new(1 << 20);
    struct tlsrpt_report got;
    struct error err = {0};
    assert_int_equal(tlsrpt_write(&report, &json), 0);
    assert_int_equal(tlsrpt_parse(buf_str(&json), arena, &got, &err), 0);
    check(&got);
}

static void by_mail(void **state) { /* section 5.3 */
    static const char *const parts[] = {
        "report-type=\"tlsrpt\"",
        "Content-Type: application/tlsrpt+gzip",
        "TLS-Report-Domain: far.test\r\n",
        "TLS-Report-Submitter: near.test",
        "TLS-Required: No\r\n",
        "Subject: Report Domain: far.test\r\n Submitter: near.test\r\n Report-ID: <abc123@near.test>\r\n",
        "near.test!far.test!1459468800!1459555199!"};
    (void)state;
    BUF_AUTO message = BUF_INIT(TLSRPT_MESSAGE_MAX);
    BUF_AUTO json = BUF_INIT(TLSRPT_JSON_MAX);
    BUF_AUTO packed = BUF_INIT(TLSRPT_JSON_MAX);
    BUF_AUTO again = BUF_INIT(TLSRPT_JSON_MAX);
    ARENA_AUTO arena = arena_new(1 << 20);
    struct tlsrpt_report got;
    struct error err = {0};
    struct tlsrpt_mail m = {STR("tls@near.test"), STR("rep@far.test"), STR("mx.near.test"), STR("0123456789abcdef"),
                            1459555300};
    assert_int_equal(tlsrpt_mail_write(&m, &report, &message), 0);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (str_find_str(buf_str(&message), str_from(parts[i])) == STR_NPOS) fail_msg("missing: %s", parts[i]);
    assert_int_equal(tlsrpt_extract(buf_str(&message), &json, &err), 0);
    assert_int_equal(tlsrpt_parse(buf_str(&json), arena, &got, &err), 0);
    check(&got);
    /* the same from files */
    assert_int_equal(gzip_pack(buf_str(&json), &packed), 0);
    assert_int_equal(tlsrpt_extract(buf_str(&packed), &again, &err), 0);
    assert_true(str_eq(buf_str(&again), buf_str(&json)));
    buf_clear(&again);
    assert_int_equal(tlsrpt_extract(buf_str(&json), &again, &err), 0);
}

static void nonsense(void **state) {
    static const struct {
        const char *text;
        int rc;
    } cases[] = {
        {"", ERR_INVALID},
        {"[]", ERR_INVALID},
        {"{\"policies\":[]}", ERR_INVALID},
        {"{\"policies\":{}}", ERR_INVALID},
        {"{\"a\":1,\"a\":2,\"policies\":[{}]}", ERR_INVALID},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", ERR_INVALID},
        {"{\"policies\":[{}]}", 0},
        {"{\"policies\":[{\"policy\":3,\"summary\":{\"total-failure-session-count\":-4},\"failure-details\":{}}]}", 0},
        {"{\"policies\":[{\"policy\":{\"policy-string\":\"one\",\"mx-host\":[3]},\"failure-details\":[3,null]}]}", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO arena = arena_new(1 << 20);
        struct tlsrpt_report got;
        struct error err = {0};
        int rc = tlsrpt_parse(str_from(cases[i].text), arena, &got, &err);
        if (rc != cases[i].rc) fail_msg("case %zu: %d %s", i, rc, err.text);
    }
    BUF_AUTO json = BUF_INIT(100);
    BUF_AUTO packed = BUF_INIT(100000);
    BUF_AUTO zeros = BUF_INIT(100000);
    struct error err = {0};
    for (int i = 0; i < 90000; i++) buf_addc(&zeros, '0');
    assert_int_equal(gzip_pack(buf_str(&zeros), &packed), 0);
    assert_int_equal(tlsrpt_extract(buf_str(&packed), &json, &err), ERR_LIMIT); /* a bomb */
    BUF_AUTO large = BUF_INIT(100000);
    assert_int_equal(tlsrpt_extract(str_sub(buf_str(&packed), 0, 40), &large, &err), ERR_INVALID);
    buf_clear(&json);
    assert_int_equal(tlsrpt_extract(STR("Subject: x\r\n\r\nno report\r\n"), &json, &err), ERR_NOTFOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records), cmocka_unit_test(mailto),   cmocka_unit_test(there_and_back),
        cmocka_unit_test(by_mail), cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests_name("tlsrpt", tests, NULL, NULL);
}

/* Decisions about clients and senders: RDNS-02, RDNS-03, SNDCHK-01, RFC 5321 section 4.1.1.1, RFC 7505, RFC 7372. */
#include "access/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* CONNCTL-01, CONNCTL-02, RELAY-01: a list holds the exceptions to the default. */
static void rules(void **state) {
    (void)state;
    static const struct {
        enum rule rule;
        bool by_default, allowed;
    } cases[] = {
        {RULE_DEFAULT, true, true}, {RULE_DEFAULT, false, false}, {RULE_ALLOW, true, true},
        {RULE_ALLOW, false, true},  {RULE_DENY, true, false},     {RULE_DENY, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(rule_allows(cases[i].rule, cases[i].by_default), cases[i].allowed);
}

static void clients(void **state) {
    (void)state;
    static const struct {
        enum check check;
        enum name_state name_state;
        const char *name, *helo;
        enum domain_state helo_domain;
        const char *detail; /* NULL = passes */
    } cases[] = {
        {CHECK_RDNS, NAME_NONE, "", "mail.example", DOMAIN_UNKNOWN, "missing"},
        {CHECK_RDNS, NAME_UNKNOWN, "", "mail.example", DOMAIN_UNKNOWN, NULL}, /* no answer is no reason */
        {CHECK_RDNS, NAME_UNCONFIRMED, "mail.example", "mail.example", DOMAIN_UNKNOWN, NULL},
        {CHECK_RDNS, NAME_CONFIRMED, "mail.example", "mail.example", DOMAIN_UNKNOWN, NULL},
        {CHECK_RDNS_FORWARD, NAME_UNCONFIRMED, "mail.example", "mail.example", DOMAIN_UNKNOWN, "unconfirmed"},
        {CHECK_RDNS_FORWARD, NAME_NONE, "", "mail.example", DOMAIN_UNKNOWN, NULL}, /* CHECK_RDNS is for that */
        {CHECK_RDNS_FORWARD, NAME_UNKNOWN, "", "mail.example", DOMAIN_UNKNOWN, NULL},
        {CHECK_RDNS_FORWARD, NAME_CONFIRMED, "mail.example", "x", DOMAIN_UNKNOWN, NULL},
        {CHECK_HELO_SYNTAX, NAME_UNKNOWN, "", "mail.example", DOMAIN_UNKNOWN, NULL},
        {CHECK_HELO_SYNTAX, NAME_UNKNOWN, "", "localhost", DOMAIN_UNKNOWN, "malformed"},
        {CHECK_HELO_SYNTAX, NAME_UNKNOWN, "", ".example", DOMAIN_UNKNOWN, "malformed"},
        {CHECK_HELO_SYNTAX, NAME_UNKNOWN, "", "a b.example", DOMAIN_UNKNOWN, "malformed"},
        {CHECK_HELO_SYNTAX, NAME_UNKNOWN, "", "[192.0.2.1]", DOMAIN_UNKNOWN, NULL},
        {CHECK_HELO_SYNTAX, NAME_UNKNOWN, "", "[IPv6:2001:db8::1]", DOMAIN_UNKNOWN, NULL},
        {CHECK_HELO_SYNTAX, NAME_UNKNOWN, "", "[192.0.2.1", DOMAIN_UNKNOWN, "malformed"},
        {CHECK_HELO_SYNTAX, NAME_UNKNOWN, "", "[300.0.2.1]", DOMAIN_UNKNOWN, "malformed"},
        {CHECK_HELO_MATCH, NAME_CONFIRMED, "mail.example", "MAIL.example", DOMAIN_UNKNOWN, NULL},
        {CHECK_HELO_MATCH, NAME_UNCONFIRMED, "mail.example", "mail.example", DOMAIN_UNKNOWN, NULL},
        {CHECK_HELO_MATCH, NAME_CONFIRMED, "out.mail.example", "mail.example", DOMAIN_UNKNOWN, NULL},
        {CHECK_HELO_MATCH, NAME_CONFIRMED, "outmail.example", "mail.example", DOMAIN_UNKNOWN, "mismatch"},
        {CHECK_HELO_MATCH, NAME_CONFIRMED, "mail.example", "example", DOMAIN_UNKNOWN, "mismatch"},
        {CHECK_HELO_MATCH, NAME_CONFIRMED, "mail.example", "other.example", DOMAIN_UNKNOWN, "mismatch"},
        {CHECK_HELO_MATCH, NAME_NONE, "", "mail.example", DOMAIN_UNKNOWN, "mismatch"},
        {CHECK_HELO_MATCH, NAME_UNKNOWN, "", "mail.example", DOMAIN_UNKNOWN, NULL},
        {CHECK_HELO_MATCH, NAME_NONE, "", "[192.0.2.9]", DOMAIN_UNKNOWN, NULL}, /* its own address */
        {CHECK_HELO_MATCH, NAME_NONE, "", "[192.0.2.8]", DOMAIN_UNKNOWN, "mismatch"},
        {CHECK_HELO_DNS, NAME_NONE, "", "mail.example", DOMAIN_MISSING, "unresolvable"},
        {CHECK_HELO_DNS, NAME_NONE, "", "mail.example", DOMAIN_GOOD, NULL},
        {CHECK_HELO_DNS, NAME_NONE, "", "mail.example", DOMAIN_NULL_MX, NULL}, /* it is there */
        {CHECK_HELO_DNS, NAME_NONE, "", "mail.example", DOMAIN_UNKNOWN, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client_facts facts = {"192.0.2.9",   STR("[192.0.2.9]"),      cases[i].name_state,
                                     cases[i].name, str_from(cases[i].helo), cases[i].helo_domain};
        struct finding f = {0};
        bool passes = policy_client(cases[i].check, &facts, &f);
        if (passes != (cases[i].detail == NULL)) fail_msg("case %zu", i);
        if (passes) continue;
        assert_string_equal(f.detail, cases[i].detail);
        assert_int_equal(f.check, cases[i].check);
        assert_true(f.text[0] != '\0');
    }
}

#define REAL_MX "\0\x0amail.example"
#define NULL_MX "\0\0"

static void domains(void **state) {
    (void)state;
    static struct str real[] = {{REAL_MX, sizeof REAL_MX - 1}}, null[] = {{NULL_MX, 2}}, dot[] = {{"\0\0.", 3}};
    static const struct {
        enum dns_status mx, a, aaaa;
        struct str *rdata;
        enum domain_state state;
    } cases[] = {
        {DNS_OK, DNS_NODATA, DNS_NODATA, real, DOMAIN_GOOD},
        {DNS_OK, DNS_OK, DNS_OK, null, DOMAIN_NULL_MX}, /* goes before addresses */
        {DNS_OK, DNS_NODATA, DNS_NODATA, dot, DOMAIN_NULL_MX},
        {DNS_NODATA, DNS_OK, DNS_NODATA, NULL, DOMAIN_GOOD},
        {DNS_NODATA, DNS_NODATA, DNS_OK, NULL, DOMAIN_GOOD},
        {DNS_TEMPFAIL, DNS_OK, DNS_NODATA, NULL, DOMAIN_GOOD},
        {DNS_NODATA, DNS_NODATA, DNS_NODATA, NULL, DOMAIN_MISSING},
        {DNS_NXDOMAIN, DNS_NXDOMAIN, DNS_NXDOMAIN, NULL, DOMAIN_MISSING},
        {DNS_TEMPFAIL, DNS_NODATA, DNS_NODATA, NULL, DOMAIN_UNKNOWN},
        {DNS_NODATA, DNS_TEMPFAIL, DNS_NODATA, NULL, DOMAIN_UNKNOWN},
        {DNS_NODATA, DNS_NODATA, DNS_TEMPFAIL, NULL, DOMAIN_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dns_answer answers[DOMAIN_QUESTIONS] = {
            [DOMAIN_MX] = {.status = cases[i].mx, .count = cases[i].rdata != NULL, .rdata = cases[i].rdata},
            [DOMAIN_A] = {.status = cases[i].a},
            [DOMAIN_AAAA] = {.status = cases[i].aaaa}};
        assert_int_equal(policy_domain(answers), cases[i].state);
    }
}

/* SMTPD-16: each check answers with the code of its mode. */
static void replies(void **state) {
    (void)state;
    static const struct {
        enum check check;
        enum check_mode mode;
        unsigned code;
        const char *status;
    } cases[] = {
        {CHECK_RDNS, MODE_PERMANENT, 550, "5.7.25"},         {CHECK_RDNS, MODE_TEMPORARY, 450, "4.7.25"},
        {CHECK_DNSLIST, MODE_PERMANENT, 554, "5.7.1"},       {CHECK_DNSLIST, MODE_TEMPORARY, 450, "4.7.1"},
        {CHECK_SENDER_LIST, MODE_PERMANENT, 553, "5.7.1"},   {CHECK_SENDER_LIST, MODE_TEMPORARY, 450, "4.7.1"},
        {CHECK_SENDER_DOMAIN, MODE_PERMANENT, 550, "5.1.8"}, {CHECK_CONNECT, MODE_PERMANENT, 554, "5.7.1"},
        {CHECK_CONNECT, MODE_TEMPORARY, 421, "4.7.1"},       {CHECK_PEER, MODE_PERMANENT, 550, "5.7.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct finding f;
        char status[12];
        finding_set(&f, cases[i].check, "x", "y");
        assert_int_equal(finding_code(&f, cases[i].mode), cases[i].code);
        finding_status(&f, cases[i].mode, status);
        assert_string_equal(status, cases[i].status);
    }
    struct finding f;
    char status[12];
    assert_true(policy_sender_domain(STR("a.example"), DOMAIN_GOOD, &f));
    assert_true(policy_sender_domain(STR("a.example"), DOMAIN_UNKNOWN, &f));
    assert_false(policy_sender_domain(STR("a.example"), DOMAIN_MISSING, &f));
    assert_non_null(strstr(f.text, "a.example"));
    assert_false(policy_sender_domain(STR("a.example"), DOMAIN_NULL_MX, &f));
    finding_status(&f, MODE_PERMANENT, status);
    assert_string_equal(status, "5.7.27"); /* RFC 7505 section 4.2 */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rules), cmocka_unit_test(clients), cmocka_unit_test(domains),
                                       cmocka_unit_test(replies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

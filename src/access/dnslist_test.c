/* DNS lists: DNSBL-02, DNSBL-04 to DNSBL-06, DNSBL-08, DNSBL-10, RFC 5782. */
#include "access/dnslist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void names(void **state) {
    (void)state;
    static const struct {
        const char *client, *name;
    } cases[] = {
        {"192.168.39.5", "5.39.168.192.bl.example.org"},
        {"2001:db8::5", "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example.org"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dnslist l = {.zone = "bl.example.org"};
        struct net_addr a;
        char name[DNSLIST_NAME_MAX];
        assert_int_equal(net_addr_parse(str_from(cases[i].client), 0, &a), 0);
        dnslist_name(&l, &a, name);
        assert_string_equal(name, cases[i].name);
    }
}

static void answers(void **state) {
    (void)state;
    static const struct {
        const char *answers; /* of the table's column */
        enum dns_status status;
        struct str rdata[2];
        enum dnslist_result result;
    } cases[] = {
        {"", DNS_OK, {{"\x7f\0\0\x02", 4}}, DNSLIST_HIT},
        {"", DNS_OK, {{"\x7f\x01\x02\x03", 4}}, DNSLIST_HIT},
        {"", DNS_OK, {{"\xc0\0\x02\x01", 4}}, DNSLIST_MISS}, /* a domain that was taken over answers everything so */
        {"", DNS_OK, {{"\x7f\xff\xff\xfe", 4}}, DNSLIST_REFUSED},
        {"", DNS_OK, {{"\x7f\0\0\x02", 4}, {"\x7f\xff\xff\xfe", 4}}, DNSLIST_REFUSED},
        {"127.0.0.2 127.0.0.4-127.0.0.8", DNS_OK, {{"\x7f\0\0\x02", 4}}, DNSLIST_HIT},
        {"127.0.0.2 127.0.0.4-127.0.0.8", DNS_OK, {{"\x7f\0\0\x03", 4}}, DNSLIST_MISS},
        {"127.0.0.2 127.0.0.4-127.0.0.8", DNS_OK, {{"\x7f\0\0\x03", 4}, {"\x7f\0\0\x07", 4}}, DNSLIST_HIT},
        {"127.0.0.0/8", DNS_OK, {{"\x7f\xff\xff\x01", 4}}, DNSLIST_REFUSED},
        {"192.0.2.1", DNS_OK, {{"\xc0\0\x02\x01", 4}}, DNSLIST_HIT},
        {"", DNS_OK, {{"\x7f\0\0", 3}}, DNSLIST_MISS},
        {"", DNS_NXDOMAIN, {{NULL, 0}}, DNSLIST_MISS},
        {"", DNS_NODATA, {{NULL, 0}}, DNSLIST_MISS},
        {"", DNS_TEMPFAIL, {{NULL, 0}}, DNSLIST_UNANSWERED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dnslists *l = dnslists_new(1);
        if (cases[i].answers[0] != '\0')
            assert_int_equal(
                net_range_list_parse(str_from(cases[i].answers), &l->list[0].answers, &l->list[0].answer_count, NULL),
                0);
        struct str rdata[2] = {cases[i].rdata[0], cases[i].rdata[1]};
        struct dns_answer a = {.status = cases[i].status,
                               .rdata = rdata,
                               .count = (size_t)(rdata[0].ptr != NULL) + (rdata[1].ptr != NULL)};
        if (dnslist_judge(&l->list[0], &a) != cases[i].result) fail_msg("case %zu", i);
        dnslists_unref(l);
    }
}

static void verdicts(void **state) {
    (void)state;
    static const struct {
        unsigned char results[4]; /* of a list that rejects, tags, is ignored, allows */
        bool allowed;
        size_t rejected, tagged;
    } cases[] = {
        {{DNSLIST_MISS, DNSLIST_MISS, DNSLIST_MISS, DNSLIST_MISS}, false, SIZE_MAX, 0},
        {{DNSLIST_HIT, DNSLIST_MISS, DNSLIST_MISS, DNSLIST_MISS}, false, 0, 0},
        {{DNSLIST_HIT, DNSLIST_HIT, DNSLIST_HIT, DNSLIST_MISS}, false, 0, 1},
        {{DNSLIST_MISS, DNSLIST_HIT, DNSLIST_MISS, DNSLIST_UNANSWERED}, false, SIZE_MAX, 1},
        {{DNSLIST_MISS, DNSLIST_MISS, DNSLIST_HIT, DNSLIST_MISS}, false, SIZE_MAX, 0},
        {{DNSLIST_HIT, DNSLIST_HIT, DNSLIST_HIT, DNSLIST_HIT}, true, SIZE_MAX, 0},
        {{DNSLIST_UNANSWERED, DNSLIST_REFUSED, DNSLIST_MISS, DNSLIST_MISS}, false, SIZE_MAX, 0},
    };
    struct dnslists *l = dnslists_new(4);
    l->list[1].policy = DNSLIST_TAG;
    l->list[2].policy = DNSLIST_IGNORE;
    l->list[3].allow = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dnslist_verdict v;
        dnslist_decide(l, cases[i].results, &v);
        assert_int_equal(v.allowed, cases[i].allowed);
        assert_true(v.rejected == cases[i].rejected);
        assert_int_equal(v.tagged, cases[i].tagged);
    }
    dnslists_unref(l);
}

static void silent_lists_rest(void **state) {
    (void)state;
    struct dnslist l = {.zone = "x"};
    for (int i = 0; i < 4; i++) assert_false(dnslist_note(&l, DNSLIST_UNANSWERED, 1000));
    assert_false(dnslist_note(&l, DNSLIST_MISS, 1000)); /* one answer is enough */
    for (int i = 0; i < 4; i++) assert_false(dnslist_note(&l, DNSLIST_UNANSWERED, 1000));
    assert_int_equal(l.rests_until_ms, 0);
    assert_true(dnslist_note(&l, DNSLIST_UNANSWERED, 1000));
    assert_true(l.rests_until_ms > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(answers), cmocka_unit_test(verdicts),
                                       cmocka_unit_test(silent_lists_rest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

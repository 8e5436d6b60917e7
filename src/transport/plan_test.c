/* Which protection counts: peer settings, DANE (RFC 7672), MTA-STS (RFC 8461), as one table; records; fingerprints. */
#include "transport/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OCT32                                                                                                          \
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b" \
    "\x1c\x1d\x1e\x1f"

static void decisions(void **state) {
    enum { NO_DANE = -1, NO_STS = -1 };
    static const struct {
        const char *peer, *fingerprints;
        int dane; /* NO_DANE or enum dane_state */
        int sts;  /* NO_STS or enum sts_mode */
        const char *host;
        int rc;
        enum plan_level level;
        enum tlsrpt_result result;
        bool testing;
        enum tls_verify verify;
    } cases[] = {
        {"opportunistic", "", NO_DANE, NO_STS, "mx.a.test", 0, PLAN_MAY, 0, false, TLS_VERIFY_NONE},
        {"none", "", DANE_RECORDS, STS_ENFORCE, "mx.a.test", 0, PLAN_PLAIN, 0, false, TLS_VERIFY_NONE},
        {"required", "", NO_DANE, NO_STS, "mx.a.test", 0, PLAN_ENCRYPT, 0, false, TLS_VERIFY_NONE},
        {"verified", "", NO_DANE, NO_STS, "mx.a.test", 0, PLAN_VERIFIED, 0, false, TLS_VERIFY_NAME},
        {"fingerprint", HEX32, NO_DANE, NO_STS, "mx.a.test", 0, PLAN_FINGERPRINT, 0, false, TLS_VERIFY_FINGERPRINT},
        {"fingerprint", "xx " HEX32, DANE_FAILED, STS_ENFORCE, "mx.a.test", 0, PLAN_FINGERPRINT, 0, false,
         TLS_VERIFY_FINGERPRINT},
        {"fingerprint", "0011", NO_DANE, NO_STS, "mx.a.test", ERR_DENIED, 0, TLSRPT_VALIDATION_FAILURE, false, 0},
        {"fingerprint", "", NO_DANE, NO_STS, "mx.a.test", ERR_DENIED, 0, TLSRPT_VALIDATION_FAILURE, false, 0},
        /* RFC 7672 section 2.2 */
        {"opportunistic", "", DANE_NONE, NO_STS, "mx.a.test", 0, PLAN_MAY, 0, false, TLS_VERIFY_NONE},
        {"opportunistic", "", DANE_RECORDS, NO_STS, "mx.a.test", 0, PLAN_DANE, 0, false, TLS_VERIFY_DANE},
        {"opportunistic", "", DANE_UNUSABLE, NO_STS, "mx.a.test", 0, PLAN_ENCRYPT, 0, false, TLS_VERIFY_NONE},
        {"opportunistic", "", DANE_FAILED, NO_STS, "mx.a.test", ERR_DENIED, 0, TLSRPT_DNSSEC_INVALID, false, 0},
        {"required", "", DANE_RECORDS, NO_STS, "mx.a.test", 0, PLAN_DANE, 0, false, TLS_VERIFY_DANE},
        {"dane", "", DANE_RECORDS, NO_STS, "mx.a.test", 0, PLAN_DANE, 0, false, TLS_VERIFY_DANE},
        {"dane", "", DANE_NONE, NO_STS, "mx.a.test", ERR_DENIED, 0, TLSRPT_DANE_REQUIRED, false, 0},
        {"dane", "", NO_DANE, STS_ENFORCE, "mx.a.test", ERR_DENIED, 0, TLSRPT_DANE_REQUIRED, false, 0},
        {"dane", "", DANE_UNUSABLE, NO_STS, "mx.a.test", ERR_DENIED, 0, TLSRPT_TLSA_INVALID, false, 0},
        /* RFC 8461 sections 4.1, 5 */
        {"opportunistic", "", NO_DANE, STS_ENFORCE, "mx.a.test", 0, PLAN_STS, 0, false, TLS_VERIFY_NAME},
        {"opportunistic", "", NO_DANE, STS_ENFORCE, "evil.test", ERR_DENIED, 0, TLSRPT_VALIDATION_FAILURE, false, 0},
        {"opportunistic", "", NO_DANE, STS_TESTING, "mx.a.test", 0, PLAN_MAY, 0, true, TLS_VERIFY_NONE},
        {"opportunistic", "", NO_DANE, STS_TESTING, "evil.test", 0, PLAN_MAY, TLSRPT_VALIDATION_FAILURE, true,
         TLS_VERIFY_NONE},
        {"required", "", NO_DANE, STS_TESTING, "mx.a.test", 0, PLAN_ENCRYPT, 0, true, TLS_VERIFY_NONE},
        {"opportunistic", "", NO_DANE, STS_NONE, "evil.test", 0, PLAN_MAY, 0, false, TLS_VERIFY_NONE},
        /* RFC 8461 section 2: MTA-STS must not override what DANE says */
        {"opportunistic", "", DANE_RECORDS, STS_ENFORCE, "evil.test", 0, PLAN_DANE, 0, false, TLS_VERIFY_DANE},
        {"opportunistic", "", DANE_FAILED, STS_TESTING, "mx.a.test", ERR_DENIED, 0, TLSRPT_DNSSEC_INVALID, false, 0},
        {"opportunistic", "", DANE_NONE, STS_ENFORCE, "mx.a.test", 0, PLAN_STS, 0, false, TLS_VERIFY_NAME},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct plan plan;
        struct tls_tlsa record = {3, 1, 1, STR(OCT32)};
        struct dane dane = {.state = (enum dane_state)cases[i].dane,
                            .base = STR("mx.a.test"),
                            .records = &record,
                            .count = 1,
                            .reason = "because"};
        struct sts_policy sts = {.mode = (enum sts_mode)cases[i].sts, .mx_count = 1, .mx = {STR("*.a.test")}};
        struct plan_input in = {.peer_fingerprints = str_from(cases[i].fingerprints),
                                .host = str_from(cases[i].host),
                                .dane = cases[i].dane == NO_DANE ? NULL : &dane,
                                .sts = cases[i].sts == NO_STS ? NULL : &sts};
        assert_int_equal(peer_tls_parse(str_from(cases[i].peer), &in.peer), 0);
        int rc = plan_make(&in, &plan);
        if (rc != cases[i].rc || plan.result != cases[i].result) fail_msg("case %zu: %d %d", i, rc, plan.result);
        assert_non_null(plan.reason);
        if (rc != 0) continue;
        if (plan.level != cases[i].level || plan.testing != cases[i].testing || plan.expect.verify != cases[i].verify)
            fail_msg("case %zu: %s", i, plan_level_name(plan.level));
        assert_int_equal(plan.expect.san_only, plan.level == PLAN_STS); /* RFC 8461 section 4.2 */
        if (plan.level == PLAN_FINGERPRINT) assert_memory_equal(plan.fingerprints[0], OCT32, 32);
    }
}

/* RFC 7672 section 2.1.2: a look-up that fails is no reason to go on without DANE. */
static void unknown(void **state) {
    (void)state;
    static const struct {
        struct dns_answer a, aaaa;
        bool unknown;
    } cases[] = {
        {{.status = DNS_OK, .secure = true}, {.status = DNS_NODATA, .secure = true}, false},
        {{.status = DNS_OK, .secure = true}, {.status = DNS_TEMPFAIL}, false},
        {{.status = DNS_OK}, {.status = DNS_TEMPFAIL}, false}, /* the zone is not signed */
        {{.status = DNS_OK, .secure = true}, {.status = DNS_TEMPFAIL, .bogus = true}, true},
        {{.status = DNS_TEMPFAIL}, {.status = DNS_NODATA}, true},
        {{.status = DNS_NODATA}, {.status = DNS_TEMPFAIL}, true},
        {{.status = DNS_TEMPFAIL}, {.status = DNS_TEMPFAIL}, true},
        {{.status = DNS_NODATA}, {.status = DNS_NODATA}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (dane_is_unknown(&cases[i].a, &cases[i].aaaa) != cases[i].unknown) fail_msg("case %zu", i);
}

static void records(void **state) { /* RFC 7672 section 3.1, RFC 6698 section 2.1 */
    static const char octets[64] = {1};
    static const struct {
        uint8_t usage, selector, matching;
        size_t len;
        bool usable;
    } cases[] = {
        {3, 1, 1, 32, true},  {3, 0, 1, 32, true},  {2, 0, 1, 32, true},  {2, 1, 2, 64, true},  {3, 1, 0, 10, true},
        {0, 1, 1, 32, false}, {1, 1, 1, 32, false}, {4, 1, 1, 32, false}, {3, 2, 1, 32, false}, {3, 1, 3, 32, false},
        {3, 1, 1, 31, false}, {3, 1, 1, 33, false}, {3, 1, 2, 32, false}, {3, 1, 0, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO rdata = BUF_INIT(100);
        struct tls_tlsa r;
        buf_addc(&rdata, (char)cases[i].usage);
        buf_addc(&rdata, (char)cases[i].selector);
        buf_addc(&rdata, (char)cases[i].matching);
        buf_add(&rdata, str_of(octets, cases[i].len));
        assert_int_equal(dane_parse(buf_str(&rdata), &r), 0);
        if (dane_usable(&r) != cases[i].usable) fail_msg("case %zu", i);
    }
    struct tls_tlsa r;
    assert_int_equal(dane_parse(STR("\x03\x01"), &r), ERR_INVALID);
    assert_int_equal(dane_parse(STR(""), &r), ERR_INVALID);
    BUF_AUTO text = BUF_INIT(200);
    dane_text(&(struct tls_tlsa){3, 1, 1, STR("\x01\xab")}, &text);
    assert_string_equal(buf_cstr(&text), "3 1 1 01ab");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(decisions), cmocka_unit_test(unknown),
                                       cmocka_unit_test(records)};
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}

/* What an ACME server says (RFC 8555 section 7.1). */
#include "proto/acme/acme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DIRECTORY "\"newNonce\":\"https://ca/n\",\"newAccount\":\"https://ca/a\",\"newOrder\":\"https://ca/o\""

static const struct {
    const char *json;
    int rc;
    const char *terms;
    bool binding;
} directories[] = {
    {"{" DIRECTORY "}", 0, "", false},
    {"{" DIRECTORY ",\"meta\":{\"termsOfService\":\"https://ca/t\",\"externalAccountRequired\":true}}", 0,
     "https://ca/t", true},
    {"{" DIRECTORY ",\"meta\":7,\"random\":\"x\"}", 0, "", false},
    {"{\"newNonce\":\"https://ca/n\",\"newAccount\":\"https://ca/a\"}", ERR_INVALID, 0, 0},
    {"{\"newNonce\":1,\"newAccount\":\"a\",\"newOrder\":\"o\"}", ERR_INVALID, 0, 0},
    {"{\"newNonce\":\"a\\r\\nb\",\"newAccount\":\"a\",\"newOrder\":\"o\"}", ERR_INVALID, 0, 0},
    {"[]", ERR_INVALID, 0, 0},
    {"", ERR_INVALID, 0, 0},
    {"<html>", ERR_INVALID, 0, 0},
    {"{\"a\":1,\"a\":2}", ERR_INVALID, 0, 0},
    {"[[[[[[[[[[[[[[[[[[[[[[[[[[", ERR_INVALID, 0, 0},
};

static void test_directory(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        ARENA_AUTO arena = arena_new(65536);
        struct acme_directory d = {0};
        struct error err = {0};
        int rc = acme_directory_parse(str_from(directories[i].json), arena, &d, &err);
        if (rc != directories[i].rc) fail_msg("case %zu: %d %s", i, rc, err.text);
        if (rc != 0) continue;
        assert_true(str_eq(d.new_order, STR("https://ca/o")));
        assert_true(str_eq(d.terms, str_from(directories[i].terms)));
        assert_int_equal(d.needs_binding, directories[i].binding);
    }
}

static const struct {
    const char *json;
    int rc;
    enum acme_status status;
} orders[] = {
    {"{\"status\":\"pending\",\"authorizations\":[\"https://ca/1\"],\"finalize\":\"https://ca/f\"}", 0, ACME_PENDING},
    {"{\"status\":\"valid\",\"authorizations\":[\"a\"],\"finalize\":\"f\",\"certificate\":\"c\"}", 0, ACME_VALID},
    {"{\"status\":\"valid\",\"authorizations\":[\"a\"],\"finalize\":\"f\"}", ERR_INVALID, 0},
    {"{\"status\":\"new\",\"authorizations\":[\"a\"],\"finalize\":\"f\"}", ERR_INVALID, 0},
    {"{\"status\":\"ready\",\"authorizations\":[],\"finalize\":\"f\"}", ERR_INVALID, 0},
    {"{\"status\":\"ready\",\"authorizations\":[7],\"finalize\":\"f\"}", ERR_INVALID, 0},
    {"{\"status\":\"ready\",\"authorizations\":[\"a\"]}", ERR_INVALID, 0},
    {"{\"status\":\"invalid\",\"authorizations\":[\"a\"],\"finalize\":\"f\",\"error\":{\"type\":\"t\",\"detail\":"
     "\"no\\n\\\"way\\\"\"}}",
     0, ACME_INVALID},
};

static void test_order(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        ARENA_AUTO arena = arena_new(65536);
        struct acme_order o = {0};
        struct error err = {0};
        int rc = acme_order_parse(str_from(orders[i].json), arena, &o, &err);
        if (rc != orders[i].rc) fail_msg("case %zu: %d %s", i, rc, err.text);
        if (rc != 0) continue;
        assert_int_equal(o.status, orders[i].status);
        assert_int_equal(o.authorization_count, 1);
        if (o.status == ACME_INVALID) assert_string_equal(o.problem.text, "no 'way'");
    }
}

static void test_authorization(void **state) {
    (void)state;
    ARENA_AUTO arena = arena_new(65536);
    struct acme_authorization a;
    struct error err = {0};
    static const char json[] =
        "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"mail.test\"},\"challenges\":["
        "{\"type\":\"http-01\",\"url\":\"https://ca/1\",\"token\":\"abc-_9\",\"status\":\"pending\"},"
        "{\"type\":\"bad-01\",\"url\":\"https://ca/2\",\"token\":\"../../x\",\"status\":\"pending\"},"
        "{\"type\":\"odd-01\",\"url\":\"https://ca/3\"},7,"
        "{\"type\":\"tls-alpn-01\",\"url\":\"https://ca/4\",\"token\":\"q\",\"status\":\"invalid\","
        "\"error\":{\"type\":\"urn:ietf:params:acme:error:connection\",\"detail\":\"refused\"}}]}";
    assert_int_equal(acme_authorization_parse(str_from(json), arena, &a, &err), 0);
    assert_int_equal(a.status, ACME_PENDING);
    assert_true(str_eq(a.name, STR("mail.test")) && !a.wildcard);
    assert_int_equal(a.challenge_count, 2); /* tokens that may not stand in a path, or none: passed over */
    assert_true(str_eq(a.challenges[0].token, STR("abc-_9")));
    assert_true(str_eq(a.challenges[1].type, STR("tls-alpn-01")));
    assert_int_equal(a.challenges[1].status, ACME_INVALID);
    assert_string_equal(a.challenges[1].problem.text, "refused");
    assert_int_equal(acme_authorization_parse(STR("{\"status\":\"valid\",\"challenges\":[]}"), arena, &a, &err),
                     ERR_INVALID);
}

static void test_problem(void **state) {
    (void)state;
    struct acme_problem p;
    acme_problem_parse(
        STR("{\"type\":\"urn:ietf:params:acme:error:badNonce\",\"detail\":\"bad\",\"subproblems\":[{\"detail\":"
            "\"more\"}]}"),
        &p);
    assert_true(acme_problem_is(&p, "badNonce") && !acme_problem_is(&p, "bad"));
    assert_string_equal(p.text, "bad: more");
    acme_problem_parse(STR("<html>"), &p);
    assert_false(acme_problem_is(&p, ""));
    assert_string_equal(p.text, "it gives no reason");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_directory), cmocka_unit_test(test_order),
                                       cmocka_unit_test(test_authorization), cmocka_unit_test(test_problem)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

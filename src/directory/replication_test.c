/* host.conf and join files: what is taken, what is refused, and what slapd.conf is made of (LIM-14, DIR-06). */
#include "directory/replicas.h"
#include "directory/slapd_files.h"
#include "directory/slapd_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define REPLICA "role = replica\nname = two.test\nsecret = 0123456789abcdef\nprovider = ldap://one.test:389\n"
#define NAMED   REPLICA "provider_name = one.test\n"

static void test_parse(void **state) {
    (void)state;
    static const struct {
        const char *text, *why; /* NULL: taken */
        bool replica;
    } cases[] = {
        {"role = provider\nname = one.test\nsecret = 00\n", NULL, false},
        {"# a remark\n\n" NAMED "domain = example.test\n", NULL, true},
        {NAMED "-----BEGIN CERTIFICATE-----\nrole = nonsense\n", NULL, true},
        {"", "name or secret is missing", false},
        {"name = one.test\n", "name or secret is missing", false},
        {REPLICA, "the provider is missing", false},
        {"role = master\nname = a\nsecret = b\n", "role: provider or replica, not 'master'", false},
        {"name\n", "'name' has no usable value", false},
        {"name = one test\n", "'name' has no usable value", false},
        {"name = one\"test\n", "'name' has no usable value", false}, /* would end the string in slapd.conf */
        {"secret = a\\b\n", "'secret' has no usable value", false},
        {"name = a,b=c\n", "'name' has no usable value", false}, /* nor another part of a DN */
        {"surname = x\n", "unknown line 'surname'", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct replication r;
        struct error err = {0};
        struct str rest;
        int rc = replication_parse(str_from(cases[i].text), &r, &rest, &err);
        assert_string_equal(err.text, cases[i].why == NULL ? "" : cases[i].why);
        assert_int_equal(rc, cases[i].why == NULL ? 0 : ERR_INVALID);
        if (rc != 0) continue;
        assert_int_equal(r.replica, cases[i].replica);
        assert_true(r.shared);
        BUF_AUTO text = BUF_INIT(REPLICATION_FILE_MAX);
        struct replication again;
        replication_format(&r, &text);
        assert_int_equal(replication_parse(buf_str(&text), &again, NULL, &err), 0);
        assert_memory_equal(&again, &r, sizeof r);
    }
    char longest[2 * REPLICATION_NAME_MAX];
    struct error err = {0};
    struct replication r;
    (void)snprintf(longest, sizeof longest, "name = %0*d\n", REPLICATION_NAME_MAX, 0);
    assert_int_equal(replication_parse(str_from(longest), &r, NULL, &err), ERR_INVALID);
    assert_string_equal(err.text, "'name' is too long");
}

static void test_slapd(void **state) {
    (void)state;
    struct replication r;
    BUF_AUTO head = BUF_INIT(REPLICATION_FILE_MAX), database = BUF_INIT(REPLICATION_FILE_MAX);
    assert_int_equal(replication_parse(STR(NAMED), &r, NULL, NULL), 0);
    replication_config_head(&r, "/srv/mail", &head);
    replication_config_database(&r, "/srv/mail", &database);
    assert_non_null(strstr(buf_cstr(&head), "chain-uri \"ldap://one.test:389\""));
    assert_non_null(strstr(buf_cstr(&database), "updateref \"ldap://one.test:389\""));
    const char *const both[] = {buf_cstr(&head), buf_cstr(&database)};
    for (size_t i = 0; i < 2; i++) { /* never without TLS, never with a host that is not known */
        assert_non_null(
            strstr(both[i], "starttls=critical tls_cacert=\"/srv/mail/directory/hosts.pem\" tls_reqcert=demand"));
        assert_non_null(strstr(both[i], "binddn=\"cn=two.test,cn=replicas,o=iems\""));
    }
    buf_clear(&head);
    buf_clear(&database);
    r.replica = false;
    replication_config_head(&r, "/srv/mail", &head);
    replication_config_database(&r, "/srv/mail", &database);
    assert_int_equal(head.len, 0);
    assert_null(strstr(buf_cstr(&database), "syncrepl"));
}

static void test_csn(void **state) {
    (void)state;
    static const struct {
        const char *csn;
        int64_t us;
    } cases[] = {
        {"19700101000001.000002Z#000000#000#000000", 1000002},
        {"20261122064358.163667Z#000000#000#000000", 1795329838163667},
        {"", 0},
        {"2026", 0},
        {"20261122064358Z", 0},
        {"x0261122064358.163667Z#", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(replica_csn_us(cases[i].csn), cases[i].us);
}

/* A new copy is begun by a replica alone: what a provider has is nowhere else (LIM-14). */
static void test_renewal(void **state) {
    (void)state;
    if (slapd_program("slapd") == NULL) skip();
    struct slapd_fixture f;
    char before[SLAPD_TEXT_MAX];
    struct replication r;
    struct error err = {0};
    assert_true(slapd_fixture_init(&f));
    assert_true(slapd_fixture_config(&f, "example.test"));
    assert_int_equal(slapd_path(f.dir, "directory/data.before", before, sizeof before, NULL), 0);
    assert_int_equal(replication_parse(STR(NAMED), &r, NULL, NULL), 0);
    assert_int_equal(replication_renew(f.dir, &err), 0); /* `follow` came no further, or `promote` came behind it */
    for (int replica = 0; replica <= 1; replica++) {
        r.replica = replica;
        assert_int_equal(replication_write(f.dir, &r, &err), 0);
        if (slapd_config_write(f.dir, "example.test", true, &err) != 0) fail_msg("%s", err.text);
        assert_int_equal(access(before, F_OK) == 0, replica);
    }
    slapd_fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse), cmocka_unit_test(test_slapd),
                                       cmocka_unit_test(test_csn), cmocka_unit_test(test_renewal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

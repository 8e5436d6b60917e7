/* The generated configuration against a real slapd: DIR-04 DIR-06 DIR-07 DIR-09 DIR-10 DIR-15 DIR-27 ALIAS-06. Skipped
 * where slapd is not installed. */
#include "directory/slapd_config.h"
#include "directory/slapd_files.h"
#include "directory/slapd_fixture.h"

#include <ldap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct slapd_fixture fixture;

static int setup(void **state) {
    (void)state;
    return slapd_fixture_init(&fixture) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    slapd_fixture_done(&fixture);
    return 0;
}

static LDAP *connect_as(const char *dn, const char *password, int *rc) {
    return slapd_fixture_connect(&fixture, dn, password, rc);
}

static int add(LDAP *ld, const char *dn, const char *const pairs[]) {
    LDAPMod mods[16], *list[17];
    char *values[16][2];
    size_t n = 0;
    for (; pairs[2 * n] != NULL; n++) {
        values[n][0] = (char *)(uintptr_t)pairs[2 * n + 1];
        values[n][1] = NULL;
        mods[n] = (LDAPMod){.mod_op = LDAP_MOD_ADD, .mod_type = (char *)(uintptr_t)pairs[2 * n]};
        mods[n].mod_values = values[n];
        list[n] = &mods[n];
    }
    list[n] = NULL;
    return ldap_add_ext_s(ld, dn, list, NULL, NULL);
}

static int count(LDAP *ld, const char *base, const char *filter) {
    LDAPMessage *res = NULL;
    int n = -1;
    if (ldap_search_ext_s(ld, base, LDAP_SCOPE_SUBTREE, filter, NULL, 0, NULL, NULL, NULL, 0, &res) == LDAP_SUCCESS) {
        n = ldap_count_entries(ld, res);
    }
    (void)ldap_msgfree(res);
    return n;
}

static void test_real_slapd(void **state) {
    (void)state;
    if (slapd_program("slapd") == NULL) skip();
    struct error err = {0};
    assert_true(slapd_fixture_config(&fixture, "Mail.Example.test"));
    assert_int_equal(slapd_config_write(fixture.dir, NULL, true, &err), 0); /* repeated at each start */
    struct stat st;
    char path[SLAPD_TEXT_MAX], secret[SLAPD_SECRET_MAX];
    assert_int_equal(slapd_path(fixture.dir, "directory/slapd.conf", path, sizeof path, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(slapd_read_secret(fixture.dir, secret, NULL), 0);
    assert_true(slapd_fixture_start(&fixture));

    int rc;
    LDAP *agent = connect_as(DIRECTORY_AGENT_DN, secret, &rc);
    assert_int_equal(rc, LDAP_SUCCESS);
    assert_int_equal(count(agent, "", "(iedomainname=mail.example.test)"), 1);
    assert_int_equal(count(agent, DIRECTORY_CONFIG_DN, "(objectClass=ieconfig)"), 2);
    /* A second top-level tree while slapd runs (DIR-07). */
    const char *const node[] = {"objectClass", "iedc", "dc", "net", NULL};
    assert_int_equal(add(agent, "dc=net", node), LDAP_SUCCESS);
    const char *const bart[] = {"objectClass", "ieperson", "mail", "bart@net",   "ieaddress",   "bart@net", "cn",
                                "Bart S",      "sn",       "S",    "iepassword", "$argon2id$x", NULL};
    assert_int_equal(add(agent, "mail=bart@net,dc=net", bart), LDAP_OBJECT_CLASS_VIOLATION); /* DIR-15 */
    const char *const lisa[] = {"objectClass", "ieperson", "mail", "lisa@net",     "ieaddress",      "lisa@net", "cn",
                                "Lisa S",      "sn",       "S",    "othermailbox", "LOCAL$lisa@net", NULL};
    assert_int_equal(add(agent, "mail=lisa@net,dc=net", lisa), LDAP_SUCCESS);
    /* ALIAS-06: the overlay refuses a second owner of an address, whatever its case. */
    const char *const thief[] = {"objectClass", "ieperson", "mail", "x@net", "ieaddress", "LISA@net",
                                 "cn",          "X",        "sn",   "X",     NULL};
    assert_int_equal(add(agent, "mail=x@net,dc=net", thief), LDAP_CONSTRAINT_VIOLATION);

    /* DIR-06, DIR-27: names are public on this host, the rest is not. */
    LDAP *anyone = connect_as("", "", &rc);
    assert_int_equal(count(anyone, "", "(mail=lisa@net)"), 1);
    assert_int_equal(count(anyone, "", "(cn=lisa*)"), 1);
    assert_int_equal(count(anyone, "", "(othermailbox=*)"), 0);
    assert_int_equal(count(anyone, "", "(objectClass=ieconfig)"), 0);
    assert_int_equal(add(anyone, "mail=y@net,dc=net", lisa), LDAP_STRONG_AUTH_REQUIRED);
    LDAP *guesser = connect_as(DIRECTORY_AGENT_DN, "wrong", &rc);
    assert_int_equal(rc, LDAP_INVALID_CREDENTIALS);
    (void)ldap_unbind_ext_s(guesser, NULL, NULL);
    (void)ldap_unbind_ext_s(anyone, NULL, NULL);
    (void)ldap_unbind_ext_s(agent, NULL, NULL);
}

static void test_bad_domain(void **state) {
    (void)state;
    if (slapd_program("slapd") == NULL) skip();
    struct error err = {0};
    assert_int_equal(slapd_config_write(fixture.dir, "exa mple", true, &err), ERR_INVALID);
    assert_string_equal(err.text, "'exa mple' is not a domain name");
    assert_int_equal(slapd_config_write("relative", "a.b", true, &err), ERR_INVALID);
}

static void test_dn(void **state) {
    (void)state;
    static const struct {
        const char *domain, *dn;
    } cases[] = {{"example.test", "dc=example,dc=test"},
                 {"Music.IMA.com", "dc=music,dc=ima,dc=com"},
                 {"*.ima.com", "dc=*,dc=ima,dc=com"},
                 {"x", "dc=x"},
                 {"", NULL},
                 {"a..b", NULL},
                 {".a", NULL},
                 {"a.", NULL},
                 {"a,b", NULL},
                 {"a.*", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO dn = BUF_INIT(512);
        int rc = directory_domain_dn(str_from(cases[i].domain), &dn);
        assert_int_equal(rc, cases[i].dn == NULL ? ERR_INVALID : 0);
        if (cases[i].dn != NULL) assert_string_equal(buf_cstr(&dn), cases[i].dn);
    }
    BUF_AUTO b = BUF_INIT(512);
    directory_dn_escape(&b, STR(" a,b+c\"d\\e#@x "));
    assert_string_equal(buf_cstr(&b), "\\ a\\,b\\+c\\\"d\\\\e#@x\\ ");
}

static void test_command(void **state) {
    (void)state;
    struct slapd_args a;
    if (slapd_program("slapd") == NULL) skip();
    assert_int_equal(slapd_command("/srv/i", 20000, "iems", &a, NULL), 0);
    assert_string_equal(a.argv[4], "/srv/i/directory/slapd.conf");
    assert_non_null(strstr(a.argv[6], "ldapi://%2Fsrv%2Fi%2Frun%2Fldapi ldap://127.0.0.1:20389"));
    assert_string_equal(a.argv[10], "iems");
    char deep[200];
    memset(deep, 'a', sizeof deep - 1);
    deep[0] = '/';
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(slapd_command(deep, 0, NULL, &a, NULL), ERR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dn), cmocka_unit_test(test_command),
                                       cmocka_unit_test_setup_teardown(test_bad_domain, setup, teardown),
                                       cmocka_unit_test_setup_teardown(test_real_slapd, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The generated configuration against a real slapd: DIR-04 DIR-06 DIR-07 DIR-09 DIR-10 DIR-15 DIR-27 ALIAS-06. Skipped
 * where slapd is not installed. */
#include "directory/slapd_config.h"
#include "directory/slapd_files.h"

#include <ldap.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static pid_t slapd;

static void sleep_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

static LDAP *connect_as(const char *dn, const char *password, int *rc) {
    char uri[SLAPD_TEXT_MAX];
    assert_int_equal(slapd_ldapi_uri(dir, uri, sizeof uri, NULL), 0);
    LDAP *ld = NULL;
    assert_int_equal(ldap_initialize(&ld, uri), LDAP_SUCCESS);
    int version = LDAP_VERSION3;
    (void)ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
    struct berval cred = {strlen(password), (char *)(uintptr_t)password};
    *rc = ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &cred, NULL, NULL, NULL);
    return ld;
}

static void start_slapd(void) {
    struct slapd_args args;
    struct error err = {0};
    assert_int_equal(slapd_command(dir, 0, NULL, &args, &err), 0);
    for (size_t i = 0; args.argv[i] != NULL; i++) {
        if (strcmp(args.argv[i], "-h") == 0) *strchr((char *)(uintptr_t)args.argv[i + 1], ' ') = '\0'; /* ldapi alone */
    }
    char *env[] = {NULL};
    assert_int_equal(posix_spawn(&slapd, args.argv[0], NULL, NULL, (char *const *)(uintptr_t)args.argv, env), 0);
    for (int tries = 0; tries < 500; tries++) {
        int rc;
        LDAP *ld = connect_as("", "", &rc);
        (void)ldap_unbind_ext_s(ld, NULL, NULL);
        if (rc == LDAP_SUCCESS) return;
        sleep_ms(10);
    }
    fail_msg("slapd did not start");
}

static void stop_slapd(void) {
    int status;
    (void)kill(slapd, SIGTERM);
    (void)waitpid(slapd, &status, 0);
}

static int setup(void **state) {
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/iems-slapd-XXXXXX");
    if (mkdtemp(dir) == NULL) return -1;
    char run[SLAPD_TEXT_MAX];
    if (slapd_path(dir, "run", run, sizeof run, NULL) != 0) return -1;
    return mkdir(run, 0700);
}

static int teardown(void **state) {
    (void)state;
    static const char *const files[] = {"directory/data/data.mdb",
                                        "directory/data/lock.mdb",
                                        "directory/data",
                                        "directory/slapd.conf",
                                        "directory/iems.schema",
                                        "directory/local.conf",
                                        "directory/rootpw",
                                        "directory",
                                        "run/slapd.pid",
                                        "run/ldapi",
                                        "run",
                                        ""};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[SLAPD_TEXT_MAX];
        if (slapd_path(dir, files[i], path, sizeof path, NULL) == 0) (void)remove(path);
    }
    return 0;
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
    if (slapd_config_write(dir, "Mail.Example.test", &err) != 0) fail_msg("%s", err.text);
    assert_int_equal(slapd_config_write(dir, NULL, &err), 0); /* repeated at each start */
    struct stat st;
    char path[SLAPD_TEXT_MAX], secret[SLAPD_SECRET_MAX];
    assert_int_equal(slapd_path(dir, "directory/slapd.conf", path, sizeof path, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(slapd_read_secret(dir, secret, NULL), 0);
    start_slapd();

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
    stop_slapd();
}

static void test_bad_domain(void **state) {
    (void)state;
    if (slapd_program("slapd") == NULL) skip();
    struct error err = {0};
    assert_int_equal(slapd_config_write(dir, "exa mple", &err), ERR_INVALID);
    assert_string_equal(err.text, "'exa mple' is not a domain name");
    assert_int_equal(slapd_config_write("relative", "a.b", &err), ERR_INVALID);
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
    (void)setenv("LDAPNOINIT", "1", 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dn), cmocka_unit_test(test_command),
                                       cmocka_unit_test_setup_teardown(test_bad_domain, setup, teardown),
                                       cmocka_unit_test_setup_teardown(test_real_slapd, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

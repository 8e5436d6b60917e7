/* DIR-19, DIR-20, ALIAS-05: what the mirror does with changes, refreshes and answers that were overtaken. */
#include "dir/mirror.h"

#include "dir/index.h"
#include "dir/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define USER "objectClass=ieperson|objectClass=iemessagestoreuser|"

static unsigned warnings, config_changes, domain_changes, rows_new, rows_changed, rows_gone;

static void on_warning(void *arg, struct str dn, const char *attr, const char *what) {
    (void)arg, (void)dn, (void)attr, (void)what;
    warnings++;
}
static void on_config(void *arg) {
    (void)arg;
    config_changes++;
}
static void on_domains(void *arg) {
    (void)arg;
    domain_changes++;
}
static void on_row(void *arg, const struct entry *old, const struct entry *e) {
    (void)arg;
    rows_new += old == NULL;
    rows_changed += old != NULL && e != NULL;
    rows_gone += e == NULL;
}
static const struct mirror_ops ops = {
    .warn = on_warning, .config_changed = on_config, .domains_changed = on_domains, .row_changed = on_row};

static uint64_t account_of(struct mirror *m, const char *key) {
    const struct entry *e = mirror_by_address(m, str_from(key));
    return e == NULL ? 0 : e->account;
}

/* Who keeps which domains are not ours (MTA-02) is told of each change of one, and of nothing else. */
static void test_domains(void **state) {
    (void)state;
    struct mirror *m = mirror_new(&ops, NULL);
    domain_changes = 0;
    sample_apply(m, 1, 5, USER "ieaddress=a@x.test|ieaccountid=1");
    assert_int_equal(domain_changes, 0);
    sample_apply(m, 2, 5, "objectClass=iedc|objectClass=iedomain|iedomainname=x.test");
    assert_int_equal(domain_changes, 1);
    sample_apply(m, 2, 5, "objectClass=iedc|objectClass=iedomain|iedomainname=x.test"); /* the same once more */
    assert_int_equal(domain_changes, 1);
    sample_apply(m, 2, 6, "objectClass=iedc"); /* a node of the tree stays, no mail domain */
    assert_int_equal(domain_changes, 2);
    unsigned char uuid[RECORD_UUID_LEN];
    sample_apply(m, 3, 5, "objectClass=iedc|objectClass=iedomain|iedomainname=y.test");
    sample_uuid(3, uuid);
    mirror_remove(m, uuid);
    assert_int_equal(domain_changes, 4);
    mirror_refresh_begin(m);
    sample_apply(m, 4, 5, "objectClass=iedc|objectClass=iedomain|iedomainname=z.test");
    mirror_refresh_end(m); /* the user goes */
    assert_int_equal(domain_changes, 5);
    mirror_refresh_begin(m);
    mirror_refresh_end(m); /* the domain too */
    assert_int_equal(domain_changes, 6);
    mirror_free(m);
}

static void test_changes(void **state) {
    (void)state;
    struct mirror *m = mirror_new(&ops, NULL);
    sample_apply(m, 1, 5, USER "ieaddress=a@x.test|ieaddress=b@x.test|ieaccountid=1|iepassword=p1");
    assert_int_equal(account_of(m, "b@x.test"), 1);
    uint32_t verifier = mirror_by_account(m, 1)->verifier;
    /* An alias goes, another comes, the password stays: logins stay cached. */
    sample_apply(m, 1, 6, USER "ieaddress=a@x.test|ieaddress=c@x.test|ieaccountid=1|iepassword=p1");
    assert_int_equal(account_of(m, "b@x.test"), 0);
    assert_int_equal(account_of(m, "c@x.test"), 1);
    assert_int_equal(mirror_by_account(m, 1)->verifier, verifier);
    /* Overtaken: an older version comes late. */
    sample_apply(m, 1, 4, USER "ieaddress=old@x.test|ieaccountid=1");
    assert_int_equal(account_of(m, "old@x.test"), 0);
    sample_apply(m, 1, 7, USER "ieaddress=a@x.test|ieaccountid=1|iepassword=p2");
    assert_int_not_equal(mirror_by_account(m, 1)->verifier, verifier);
    unsigned char uuid[RECORD_UUID_LEN];
    sample_uuid(1, uuid);
    mirror_remove(m, uuid);
    mirror_remove(m, uuid);
    assert_int_equal(account_of(m, "a@x.test"), 0);
    assert_null(mirror_by_account(m, 1));
    assert_int_equal(mirror_highest_account(m), 1);
    mirror_free(m);
}

static void test_refresh(void **state) {
    (void)state;
    struct mirror *m = mirror_new(&ops, NULL);
    mirror_refresh_begin(m);
    for (unsigned i = 1; i <= 100; i++) {
        char text[160];
        (void)snprintf(text, sizeof text, USER "ieaddress=u%u@x.test|ieaccountid=%u", i, i);
        sample_apply(m, i, 5, text);
    }
    mirror_refresh_end(m);
    struct mirror_counts c;
    mirror_get_counts(m, &c);
    assert_int_equal(c.accounts, 100);
    mirror_refresh_begin(m);
    sample_apply(m, 7, 3,
                 USER "ieaddress=restored@x.test|ieaccountid=7"); /* a backup was loaded: older, yet true now */
    unsigned char uuid[RECORD_UUID_LEN];
    sample_uuid(8, uuid);
    mirror_refresh_keep(m, uuid);
    assert_int_equal(account_of(m, "u9@x.test"), 9); /* an outage shows nothing to anybody */
    mirror_refresh_end(m);
    mirror_get_counts(m, &c);
    assert_int_equal(c.entries, 2);
    assert_int_equal(account_of(m, "restored@x.test"), 7);
    assert_int_equal(account_of(m, "u8@x.test"), 8);
    assert_int_equal(account_of(m, "u9@x.test"), 0);
    mirror_free(m);
}

/* LIM-20: an account that is kept after its deletion is found by nothing, and its number is not given again. */
static void test_deleted(void **state) {
    (void)state;
    struct mirror *m = mirror_new(&ops, NULL);
    struct mirror_counts c;
    size_t pos = 0;
    sample_apply(m, 1, 1, USER "ieaddress=a@x.test|ieaccountid=4");
    sample_apply(m, 1, 2, USER "objectClass=iedeletedaccount|ieaddress=a@x.test|ieaccountid=4|iedeletedat=5");
    assert_int_equal(account_of(m, "a@x.test"), 0);
    assert_null(mirror_by_account(m, 4));
    assert_null(mirror_first_account(m));
    assert_int_equal(mirror_highest_account(m), 4);
    mirror_get_counts(m, &c);
    assert_int_equal(c.accounts, 0);
    assert_int_equal(mirror_next(m, &pos)->classes, ENTRY_DELETED);
    sample_apply(m, 2, 1, USER "ieaddress=a@x.test|ieaccountid=5");
    assert_int_equal(account_of(m, "a@x.test"), 5);
    sample_apply(m, 1, 3, USER "ieaddress=b@x.test|ieaccountid=4");
    assert_int_equal(account_of(m, "b@x.test"), 4);
    mirror_free(m);
}

static void test_rows(void **state) {
    (void)state;
    struct mirror *m = mirror_new(&ops, NULL);
    sample_apply_at(m, "iekey=a.test,ietable=peer,o=iems", 1, 1,
                    "objectClass=ietablerow|iekey=a.test|ievalue=tls=dane");
    sample_apply_at(m, "iekey=a.test,ieTable=Route,o=iems", 2, 1, "objectClass=ietablerow|iekey=a.test");
    assert_int_equal(rows_new, 2);
    const struct entry *e = mirror_row(m, STR("a.test"), "peer");
    assert_non_null(e);
    assert_true(str_eq(entry_get(e, ATTR_ROW_VALUE), STR("tls=dane")));
    assert_non_null(mirror_row(m, STR("a.test"), "route"));
    assert_null(mirror_row(m, STR("a.test"), "access"));
    assert_null(mirror_row(m, STR("b.test"), "peer"));
    sample_apply_at(m, "iekey=a.test,ietable=peer,o=iems", 1, 1,
                    "objectClass=ietablerow|iekey=a.test"); /* the same CSN */
    assert_int_equal(rows_changed, 0);
    sample_apply_at(m, "iekey=a.test,ietable=peer,o=iems", 1, 2, "objectClass=ietablerow|iekey=a.test");
    assert_int_equal(rows_changed, 1);
    unsigned char uuid[RECORD_UUID_LEN];
    sample_uuid(1, uuid);
    mirror_remove(m, uuid);
    assert_int_equal(rows_gone, 1);
    assert_null(mirror_row(m, STR("a.test"), "peer"));
    mirror_free(m);
}

static void test_doubles(void **state) {
    (void)state;
    struct mirror *m = mirror_new(&ops, NULL);
    sample_apply(m, 1, 1, "objectClass=ieperson|ieaddress=a@x.test");
    sample_apply(m, 2, 1, USER "ieaddress=a@x.test|ieaccountid=5");
    sample_apply(m, 3, 1, USER "ieaddress=a@x.test|ieaccountid=4");
    assert_int_equal(account_of(m, "a@x.test"), 4);
    assert_int_equal(mirror_first_account(m)->account, 4);
    sample_apply(m, 3, 2, USER "ieaddress=b@x.test|ieaccountid=4|ieenabled=FALSE");
    assert_int_equal(account_of(m, "a@x.test"), 5);
    assert_int_equal(mirror_first_account(m)->account, 5);
    mirror_free(m);
}

static void test_bad_values(void **state) {
    (void)state;
    struct mirror *m = mirror_new(&ops, NULL);
    warnings = config_changes = 0;
    sample_apply(m, 1, 1,
                 USER "ieaddress=no address|ieaddress=a@x.test|ieaccountid=-5|othermailbox=x|x-permission=LOCAL$Maybe");
    assert_int_equal(warnings, 4);
    assert_int_equal(account_of(m, "a@x.test"), 0);
    sample_apply(m, 2, 1, "objectClass=ieconfig|cn=options|ieoption=smtpd.x=1|ieoption=junk");
    assert_int_equal(warnings, 5);
    assert_int_equal(config_changes, 1);
    unsigned char uuid[RECORD_UUID_LEN];
    sample_uuid(2, uuid);
    mirror_remove(m, uuid);
    assert_int_equal(config_changes, 2);
    mirror_free(m);
}

/* Memory of 100,000 accounts: the brief form of an entry and three index slots. */
/* ACCT-01: the reserved account numbers are read back from here; forgetting them would give a number twice. */
static void test_last_account(void **state) {
    (void)state;
    struct mirror *m = mirror_new(&ops, NULL);
    sample_apply(m, 1, 5, "objectClass=ieconfig|cn=accounts|ielastaccount=300");
    size_t pos = 0;
    const struct entry *e = mirror_next(m, &pos);
    assert_non_null(e);
    assert_true(str_eq(entry_get(e, ATTR_LAST_ACCOUNT), STR("300")));
    mirror_free(m);
}

static void test_memory(void **state) {
    (void)state;
    struct mirror *m = mirror_new(&ops, NULL);
    enum { N = 20000 };
    size_t strings = 0;
    for (unsigned i = 1; i <= N; i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       USER "ieaddress=user%06u@x.test|ieaccountid=%u|othermailbox=LOCAL$user%06u@x.test", i, i, i);
        strings += 17 + 23 + 40;
        sample_apply(m, i, 1, text);
    }
    struct mirror_counts c;
    mirror_get_counts(m, &c);
    assert_true((c.bytes - strings) / N <= 300);
    mirror_free(m);
}

static void test_index(void **state) {
    (void)state;
    struct index ix = {0};
    int items[64];
    for (uint32_t i = 0; i < 64; i++) assert_int_equal(index_add(&ix, i % 5 * 13 + 60, &items[i], i), 0);
    for (uint32_t gone = 0; gone < 64; gone += 3) index_remove(&ix, gone % 5 * 13 + 60, &items[gone], gone);
    index_remove(&ix, 1, &items[0], 0);
    unsigned found = 0;
    for (uint32_t h = 60; h <= 60 + 4 * 13; h += 13) {
        size_t pos = h;
        for (const struct index_slot *s; (s = index_next(&ix, h, &pos)) != NULL;) {
            assert_true(s->aux % 3 != 0);
            found++;
        }
    }
    assert_int_equal(found, 42);
    assert_int_equal(ix.count, 42);
    index_done(&ix);
}

static void test_parse(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } cases[] = {{"LOCAL$a@b", true}, {"CC:MAIL$x at y", true}, {" smtpc $ a@b ", true},
                 {"LOCAL$", false},   {"$a@b", false},          {"LOCAL", false},
                 {"LO CAL$x", false}, {"LOCAL$a\nb", false},    {"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct connector c;
        assert_int_equal(connector_parse(str_from(cases[i].text), &c) == 0, cases[i].good);
    }
    struct str channel;
    unsigned bits;
    assert_int_equal(permission_parse(STR("local$send/receive"), &channel, &bits), 0);
    assert_int_equal(bits, PERMIT_BOTH);
    assert_int_equal(permission_parse(STR("LOCAL$None"), &channel, &bits), 0);
    assert_int_equal(bits, PERMIT_NONE);
    assert_int_equal(permission_parse(STR("LOCAL$"), &channel, &bits), ERR_INVALID);
    struct str name, value;
    assert_int_equal(option_value_parse(STR("smtpd.x = a=b "), &name, &value), 0);
    assert_true(str_eq(name, STR("smtpd.x")) && str_eq(value, STR("a=b")));
    assert_int_equal(option_value_parse(STR("=x"), &name, &value), ERR_INVALID);
    assert_int_equal(option_value_parse(STR("a b=x"), &name, &value), ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domains),    cmocka_unit_test(test_changes),     cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_deleted),    cmocka_unit_test(test_rows),        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_bad_values), cmocka_unit_test(test_memory),      cmocka_unit_test(test_index),
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_last_account)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

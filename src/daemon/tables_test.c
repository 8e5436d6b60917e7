/* The tables' definitions, keys in their normal form, checks of values. */
#include "daemon/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_definitions(void **state) {
    (void)state;
    for (size_t i = 0; i < table_count; i++) {
        const struct table *t = &table_table[i];
        assert_ptr_equal(table_find(str_from(t->name)), t);
        assert_true(t->column_count > 0 && t->column_count <= TABLE_COLUMNS_MAX);
        for (size_t c = 0; c < t->column_count; c++) {
            assert_ptr_equal(table_column(t, str_from(t->columns[c].name)), &t->columns[c]);
            (void)table_default_u64(t, c); /* asserts that the default is in its range */
            assert_true(t->columns[c].doc[0] != '\0');
        }
    }
    assert_null(table_find(STR("nonsense")));
}

static void test_key(void **state) {
    (void)state;
    static const struct {
        const char *table, *key, *normal; /* normal NULL: refused */
    } cases[] = {
        /* PEER-01 */
        {"peer", "Example.ORG", "example.org"},
        {"peer", " mx.example.org. ", "mx.example.org"},
        {"peer", "*", "*"},
        {"peer",
         "b\xc3\xbc"
         "cher.example",
         "xn--bcher-kva.example"},
        {"peer", "[192.0.2.1]", "[192.0.2.1]"},
        {"peer", "localhost", "localhost"},
        {"peer", "", NULL},
        {"peer", "two words", NULL},
        {"peer", "a..b", NULL},
        {"peer", "[192.0.2.300]", NULL},
        {"peer", "**", NULL},
        {"certificate", "*.Example.org", "*.example.org"},
        {"certificate", "*.*.org", NULL},
        /* CONNCTL-02 */
        {"access", "192.0.2.1", "192.0.2.1"},
        {"access", "192.0.2.77/24", "192.0.2.0/24"},
        {"access", "192.0.2.0-192.0.2.255", "192.0.2.0/24"},
        {"access", "192.0.2.1-192.0.2.9", "192.0.2.1-192.0.2.9"},
        {"access", "192.0.2.1/32", "192.0.2.1"},
        {"access", "0.0.0.0/0", "0.0.0.0/0"},
        {"access", "2001:DB8:0:0::/32", "2001:db8::/32"},
        {"access", "2001:db8::1-2001:db8::3", "2001:db8::1-2001:db8::3"},
        {"access", "::ffff:192.0.2.1", "192.0.2.1"},
        {"access", "*", "*"},
        {"access", "192.0.2.9-192.0.2.1", NULL},
        {"access", "192.0.2.0/33", NULL},
        {"access", "example.org", NULL},
        /* SNDCHK-02 */
        {"sender", "Spam@Example.ORG", "spam@example.org"},
        {"sender", "@Example.org", "@example.org"},
        {"sender", "@.Example.org", "@.example.org"},
        {"sender", "*", "*"},
        {"sender", "\"a b\"@example.org", "\"a b\"@example.org"},
        {"sender", "example.org", NULL},
        {"sender", "@", NULL},
        {"sender", "@.", NULL},
        {"dnslist", "ZEN.example.org", "zen.example.org"},
        {"dnslist", "a b", NULL},
        {"dnslist", "*", NULL},
        {"dnslist", "a=b", NULL},
        /* RESP-12 */
        {"host", "Mail2.Example.org", "mail2.example.org"},
        {"host", "*", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct table *t = table_find(str_from(cases[i].table));
        BUF_AUTO out = BUF_INIT(1000);
        struct error err = {0};
        int rc = table_key_normal(t, str_from(cases[i].key), &out, &err);
        if (cases[i].normal == NULL) {
            assert_int_equal(rc, ERR_INVALID);
            assert_non_null(strstr(err.text, t->key_doc));
            continue;
        }
        assert_int_equal(rc, 0);
        assert_string_equal(buf_cstr(&out), cases[i].normal);
        BUF_AUTO again = BUF_INIT(1000);
        assert_int_equal(table_key_normal(t, buf_str(&out), &again, &err), 0);
        assert_string_equal(buf_cstr(&again), cases[i].normal);
    }
}

static void test_long_key(void **state) {
    (void)state;
    char name[TABLE_KEY_MAX + 2];
    memset(name, 'a', sizeof name);
    BUF_AUTO out = BUF_INIT(1000);
    struct error err = {0};
    assert_int_equal(table_key_normal(table_find(STR("dnslist")), str_of(name, TABLE_KEY_MAX), &out, &err), 0);
    assert_int_equal(table_key_normal(table_find(STR("dnslist")), str_of(name, TABLE_KEY_MAX + 1), &out, &err),
                     ERR_LIMIT);
}

static void test_value(void **state) {
    (void)state;
    static const struct {
        const char *table, *column, *value;
        int rc;
        const char *message;
    } cases[] = {
        {"peer", "max_sessions", "5", 0, NULL},
        {"peer", "MAX_SESSIONS", "5", 0, NULL},
        {"peer", "max_sessions", "5000", ERR_INVALID, "max_sessions: 0 to 1000 sessions, not '5000'"},
        {"peer", "max_session", "5", ERR_NOTFOUND, "peer has no column 'max_session'; did you mean 'max_sessions'?"},
        {"peer", "wholly_else", "5", ERR_NOTFOUND, "peer has no column 'wholly_else'; `iems help peer set` shows all"},
        {"access", "relay", "allow", 0, NULL},
        {"access", "relay", "Deny", 0, NULL},
        {"access", "relay", "yes", ERR_INVALID, "relay: one of default, allow, deny, not 'yes'"},
        {"peer", "tls", "dane", 0, NULL},
        /* ROUTE-14, ROUTE-15 */
        {"route", "hosts", "a.example [b.example]:587 192.0.2.1", 0, NULL},
        {"route", "hosts", "a.example, [b.example]:587", 0, NULL},
        {"route", "hosts", "", 0, NULL},
        {"route", "hosts", "a.example [b.example", ERR_INVALID, "hosts: \"]\" is missing"},
        {"route", "hosts", "a..example", ERR_INVALID, "hosts: \"a..example\" is no host name"},
        {"route", "hosts", ".example:25", ERR_INVALID, "hosts: \".example\" is no host name"},
        {"fetch", "host", "[odmr.example]:366", 0, NULL},
        {"fetch", "host", "[odmr.example", ERR_INVALID, "host: \"]\" is missing"},
        {"fetch", "method", "pop3", ERR_INVALID, "method: one of etrn, atrn, not 'pop3'"},
        /* DNSBL-04, LIM-15: one choice of three, with no combination that means nothing */
        {"dnslist", "policy", "reject", 0, NULL},
        {"dnslist", "policy", "tag", 0, NULL},
        {"dnslist", "policy", "ignore", 0, NULL},
        {"dnslist", "policy", "discard", ERR_INVALID, "policy: one of reject, tag, ignore, not 'discard'"},
        /* DNSBL-02 */
        {"dnslist", "answers", "127.0.0.2 127.0.0.4-127.0.0.11", 0, NULL},
        {"dnslist", "answers", "127.0.0.x", ERR_INVALID, NULL},
        /* RESP-12 */
        {"host", "mail", "mx.example:2525", 0, NULL},
        {"host", "control", "[2001:db8::1]:1234", 0, NULL},
        {"host", "control", "a.example:99999", ERR_INVALID, NULL},
        {"host", "control", "a.example b.example", ERR_INVALID, "control: one name or address, not a list"},
        {"host", "mail", "a.example,b.example", ERR_INVALID, "mail: one name or address, not a list"},
        {"host", "role", "Operate", 0, NULL},
        {"host", "role", "root", ERR_INVALID, "role: one of none, monitor, operate, not 'root'"},
        {"host", "fingerprint", "00", ERR_INVALID, "fingerprint: a fingerprint has 64 hexadecimal digits (SHA-256)"},
        /* PEER-12, PEER-13 */
        {"peer", "max_in", "0", 0, NULL},
        {"peer", "max_out", "8k", 0, NULL},
        {"peer", "max_out", "8191", ERR_INVALID, "max_out: 0 (no limit of its own) or at least 8192 bytes"},
        {"peer", "tls_fingerprint",
         "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
         "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
         0, NULL},
        {"peer", "tls_fingerprint", "0011", ERR_INVALID,
         "tls_fingerprint: a fingerprint has 64 hexadecimal digits (SHA-256)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        const struct table *t = table_find(str_from(cases[i].table));
        assert_int_equal(table_value_check(t, str_from(cases[i].column), str_from(cases[i].value), &err), cases[i].rc);
        if (cases[i].message != NULL) assert_string_equal(err.text, cases[i].message);
    }
}

static void test_rules(void **state) {
    (void)state;
#define FINGERPRINT "tls_fingerprint=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
    static const struct {
        const char *table, *key, *columns[4], *message; /* message NULL: the row is right */
    } cases[] = {
        /* STLS-03 */
        {"peer", "a.example", {"tls=fingerprint", FINGERPRINT}, NULL},
        {"peer", "a.example", {FINGERPRINT}, NULL},
        {"peer", "a.example", {"tls=verified"}, NULL},
        {"peer",
         "a.example",
         {"tls=fingerprint"},
         "tls=fingerprint needs tls_fingerprint: the SHA-256 of the certificate or key, in the same command"},
        {"peer",
         "*",
         {"tls=Fingerprint", "tls_fingerprint="},
         "tls=fingerprint needs tls_fingerprint: the SHA-256 of the certificate or key, in the same command"},
        {"peer", "a.example", {"atrn=dial@a.example  other@b.example"}, NULL},
        {"peer", "a.example", {"atrn=dial"}, "atrn: 'dial' is no account: its whole address is meant, name@domain"},
        {"peer",
         "a.example",
         {"atrn=a@a.example,b@b.example"},
         "atrn: 'a@a.example,b@b.example' is no account: its whole address is meant, name@domain"},
        /* SAUTH-04: lists beside each other, "-" is none, the last word is for all that follow */
        {"route", "a.example", {"hosts=[192.0.2.1]"}, NULL},
        {"route", "a.example", {"hosts=r.example", "user=me", "password_file=p"}, NULL},
        {"route", "a.example", {"hosts=r.example s.example", "user=- me", "password_file=p"}, NULL},
        {"route", "a.example", {"hosts=r.example s.example", "user=- me", "password_file=- p"}, NULL},
        {"route", "a.example", {"hosts=r.example,s.example", "user=-,me", "password_file=-,p"}, NULL},
        {"route", "a.example", {"hosts=r.example", "password_file=p"}, NULL},
        {"route", "a.example", {"hosts=r.example", "user=me"}, "r.example has a user, but no password_file"},
        {"route",
         "a.example",
         {"hosts=r.example [s.example]:26", "user=me", "password_file=p -"},
         "[s.example]:26 has a user, but no password_file"},
        {"route", "a.example", {"user=me", "password_file=p"}, "user needs hosts: who is it known to?"},
        /* SCHED-15; RFC 2645 section 5.1 */
        {"fetch", "mail.isp.example", {"interval=1h"}, NULL},
        {"fetch", "isp", {"host=[192.0.2.1]:26", "method=atrn", "user=me", "password_file=p"}, NULL},
        {"fetch", "isp", {"host=a.example", "user=me"}, "user needs password_file"},
        {"fetch",
         "isp",
         {"host=a.example", "method=atrn"},
         "method=atrn needs user and password_file: such servers ask for a log-in"},
        {"fetch", "my_isp!", {"interval=1h"}, "host is missing: 'my_isp!' is not the name of one"},
        /* STLS-01 */
        {"certificate", "*.a.example", {"file=wide.pem"}, NULL},
        {"certificate", "a.example", {"acme=yes"}, NULL},
        {"certificate",
         "*.a.example",
         {"acme=yes"},
         "acme=yes: a name with * needs a proof by DNS, which is not done; name each host"},
        {"dnslist", "zen.example", {"kind=allow"}, NULL}, /* a table without rules */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct table *t = table_find(str_from(cases[i].table));
        struct row_value values[4];
        struct row *row = NULL;
        struct error err = {0};
        size_t count = 0;
        for (; count < 4 && cases[i].columns[count] != NULL; count++)
            assert_int_equal(row_value_parse(str_from(cases[i].columns[count]), &values[count]), 0);
        assert_int_equal(row_new(t, str_from(cases[i].key), values, count, &row, &err), 0);
        assert_int_equal(table_rules_check(t, row, &err), cases[i].message == NULL ? 0 : ERR_INVALID);
        if (cases[i].message != NULL) assert_string_equal(err.text, cases[i].message);
        row_free(row);
    }
#undef FINGERPRINT
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definitions), cmocka_unit_test(test_key),   cmocka_unit_test(test_long_key),
        cmocka_unit_test(test_value),       cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

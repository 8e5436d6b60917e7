/* The option table, its checks and messages, and the layers of values. */
#include "daemon/options.h"
#include "daemon/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct option samples[] = {
    {"x.bool", OPTION_BOOL, "no", 0, 0, "", "d", ""},
    {"x.count", OPTION_COUNT, "7", 0, 100000, "sessions", "d", ""},
    {"x.time", OPTION_SECONDS, "5m", 10, 259200, "seconds", "d", ""},
    {"x.size", OPTION_BYTES, "500000", 10240, 2000000000, "bytes", "d", ""},
    {"x.text", OPTION_TEXT, "", 0, 5, "", "d", ""},
    {"x.level", OPTION_LEVEL, "message", 0, 0, "", "d", ""},
    {"x.steps", OPTION_STEPS, "", 0, 0, "", "d", ""},
    {"x.word", OPTION_WORD, "default", 0, 0, "default allow deny", "d", ""},
    {"x.times", OPTION_TIMES, "5m", 2, 200, "", "d", ""},
    {"x.networks", OPTION_NETWORKS, "", 0, 200, "", "d", ""},
    {"x.hosts", OPTION_HOSTS, "", 0, 60, "", "d", ""},
    {"x.mode", OPTION_WORD, "OnlyOne", 0, 0, "OnlyOne ThenOther", "d", ""},
};

static void test_check(void **state) {
    (void)state;
    static const struct {
        int option;
        const char *value;
        uint64_t number;
        const char *message; /* NULL: good */
    } cases[] = {
        {0, "yes", 1, NULL},
        {0, " Off ", 0, NULL},
        {0, "maybe", 0, "x.bool: yes or no, not 'maybe'"},
        {1, "0", 0, NULL},
        {1, "100000", 100000, NULL},
        {1, "abc", 0, "x.count: 0 to 100000 sessions, not 'abc'"},
        {1, "100001", 0, "x.count: 0 to 100000 sessions, not '100001'"},
        {1, "-1", 0, "x.count: 0 to 100000 sessions, not '-1'"},
        {1, "", 0, "x.count: 0 to 100000 sessions, not ''"},
        {1, "18446744073709551616", 0, "x.count: 0 to 100000 sessions, not '18446744073709551616'"},
        {2, "90s", 90, NULL},
        {2, "3d", 259200, NULL},
        {2, "9", 0, "x.time: a time from 10s to 3d (as 90s, 15m, 4h, 3d), not '9'"},
        {2, "4d", 0, "x.time: a time from 10s to 3d (as 90s, 15m, 4h, 3d), not '4d'"},
        {3, "10k", 10240, NULL},
        {3, "1 MB", 1048576, NULL},
        {3, "1GiB", 1073741824, NULL},
        {3, "2G", 0, "x.size: 10240 to 2000000000 bytes (as 500000, 10k, 5M, 2G), not '2G'"},
        {3, "10x", 0, "x.size: 10240 to 2000000000 bytes (as 500000, 10k, 5M, 2G), not '10x'"},
        {3, "99999999999999999999T", 0,
         "x.size: 10240 to 2000000000 bytes (as 500000, 10k, 5M, 2G), not '99999999999999999999T'"},
        {4, "abcde", 0, NULL},
        {4, "abcdef", 0, "x.text: text of 0 to 5 bytes, not 'abcdef'"},
        {7, "allow", 1, NULL},
        {7, " DENY ", 2, NULL},
        {7, "default", 0, NULL},
        {7, "allo", 0, "x.word: one of default, allow, deny, not 'allo'"},
        {7, "", 0, "x.word: one of default, allow, deny, not ''"},
        {5, "smtp", 3, NULL},
        {5, "SMTP session", 3, NULL},
        {5, "loud", 0, "x.level: one of error, warning, message, smtp, info, debug, not 'loud'"},
        {6, "10 1000 : 0 2 4", 0, NULL},
        {6, "10 1000 : 0 2", 0, "x.steps: 2 boundaries need 3 weights, there are 2"}, /* PRIO-05 */
        {8, "5m 30m 2h", 0, NULL},
        {8, "5m 1x", 0, "x.times: '1x' is no time above 0 (as 90s, 15m, 4h, 3d)"},
        {8, "5m 0s", 0, "x.times: '0s' is no time above 0 (as 90s, 15m, 4h, 3d)"},
        {8, "", 0, "x.times: times separated by blanks (as 5m 30m 2h), not ''"},
        {9, "", 0, NULL},
        {9, "127.0.0.0/8 ::1, 192.0.2.1-192.0.2.9", 0, NULL}, /* RELAY-02 */
        {9, "10.0.0.0/8 300.1.1.1", 0,
         "x.networks: \"300.1.1.1\" is not an address, a network like 192.0.2.0/24 or a range like "
         "192.0.2.1-192.0.2.9"},
        {10, "one.example:587, [two.example] 192.0.2.1", 0, NULL}, /* ROUTE-10, ROUTE-11 */
        {10, "one.example [two.example", 0, "x.hosts: \"]\" is missing"},
        {10, "one.example:0", 0, "x.hosts: \"0\" is no port (1 to 65535)"},
        {11, "thenother", 1, NULL}, /* ROUTE-01 */
        {11, "Foo", 0, "x.mode: one of OnlyOne, ThenOther, not 'Foo'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        uint64_t number = 12345;
        int rc = option_check(&samples[cases[i].option], str_from(cases[i].value), &number, &err);
        if (cases[i].message == NULL) {
            assert_int_equal(rc, 0);
            assert_int_equal(number, cases[i].number);
        } else {
            assert_int_equal(rc, ERR_INVALID);
            assert_int_equal(number, 12345);
            assert_string_equal(err.text, cases[i].message);
        }
    }
}

/* Each default is within its range, each name is there once and has a module, each has a line of documentation. */
static void test_table(void **state) {
    (void)state;
    const char *last = "";
    for (size_t i = 0; option_at(i) != NULL; i++) {
        const struct option *o = option_at(i);
        struct error err = {0};
        if (option_check(o, str_from(o->def), NULL, &err) != 0) fail_msg("default of %s: %s", o->name, err.text);
        if (strcmp(last, o->name) >= 0) fail_msg("%s is there twice", o->name);
        last = o->name;
        assert_true(str_find(str_from(o->name), '.') > 0);
        assert_true(strlen(o->doc) > 10);
        assert_ptr_equal(option_find(str_from(o->name)), o);
    }
}

/* What an administrator gets who sets nothing; the requirement of each. Where IEMS departs on purpose
 * docs/admin/queue.md tells the place of the classic parameter. */
static void test_defaults(void **state) {
    (void)state;
    static const struct {
        const char *name, *value;
    } cases[] = {
        {"smtpd.listen_smtp", "default"},        /* SMTPD-02: 25 */
        {"smtpd.listen_submissions", "default"}, /* STLS-02: 465 */
        {"smtpc.port", "25"},                    /* SMTPC-02 */
        {"smtpd.timeout", "5m"},                 /* SMTPD-13 */
        {"smtpc.timeout_greeting", "5m"},        /* STMO-01 */
        {"smtpc.timeout_helo", "5m"},            /* STMO-02 */
        {"smtpc.timeout_mail", "5m"},            /* STMO-03 */
        {"smtpc.timeout_rcpt", "5m"},            /* STMO-04 */
        {"smtpc.timeout_data", "5m"},            /* STMO-05 */
        {"smtpc.timeout_block", "5m"},           /* STMO-06 */
        {"smtpc.timeout_end", "10m"},            /* STMO-07 */
        {"smtpc.timeout_quit", "5m"},            /* STMO-08 */
        {"smtpc.delay_notice", "no"},            /* SNOT-01 */
        {"smtpc.delay_notice_after", "4h"},      /* SNOT-02 */
        {"smtpc.success_notice", "no"},          /* SNOT-03 */
        {"smtpc.retry_period", "3d"},            /* PEER-09 */
        {"smtpc.retry_period_spam", "4h"},       /* SQM-08 */
        {"smtpc.retry_554", "yes"},              /* SMTPC-13 */
        {"smtpc.dns_timeout", "20"},             /* ROUTE-09: four tries of five seconds */
        {"smtpc.priority_precedence", "0"},      /* PRIO-02 */
        {"smtpc.priority_size", "0"},            /* PRIO-02 */
        {"smtpc.priority_time", "0"},            /* PRIO-02 */
        {"smtpc.max_sessions", "500"},           /* SQM-02 */
        {"smtpc.run_size", "12"},                /* SQM-05 */
        {"smtpc.messages_per_session", "100"},   /* SQM-06 */
        {"smtpd.relay_default", "deny"},         /* RELAY-01, TRBL-05 */
        {"smtpd.connect_default", "allow"},      /* CONNCTL-01 */
        {"smtpd.qualify", "yes"},                /* SMTPD-06 */
        {"smtpd.reject_unqualified", "no"},      /* SMTPD-05 */
        {"store.drive_min", "50M"},              /* DISK-02 */
        {"mta.max_trips", "10"},                 /* LOOP-02 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct option *o = option_find(str_from(cases[i].name));
        if (o == NULL) fail_msg("there is no %s", cases[i].name);
        assert_string_equal(o->def, cases[i].value);
    }
}

static void test_suggest(void **state) {
    (void)state;
    static const struct {
        const char *name, *near;
    } cases[] = {
        {"server.loglevel", "server.log_level"},  {"server.log_levle", "server.log_level"},
        {"log_level", "server.log_level"},        {"smtpd.autostart", "smtpd.auto_start"},
        {"completely.different.thing", NULL},     {"", NULL},
        {"Server.Log_Level", "server.log_level"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *near = option_suggest(str_from(cases[i].name));
        if (cases[i].near == NULL)
            assert_null(near);
        else
            assert_string_equal(near, cases[i].near);
    }
    struct error err;
    assert_int_equal(option_check_named(STR("server.loglevel"), STR("info"), &err), ERR_NOTFOUND);
    assert_string_equal(err.text, "there is no option 'server.loglevel'; did you mean 'server.log_level'?");
}

static unsigned bad_count;

static void on_bad(const struct error *err, void *arg) {
    (void)arg;
    assert_true(err->text[0] != '\0');
    bad_count++;
}

static void test_layers(void **state) {
    (void)state;
    struct settings *s = settings_new();
    assert_non_null(s);
    assert_int_equal(settings_u64(s, "server.log_keep"), 20);
    assert_string_equal(settings_origin(s, "server.log_keep"), "default");
    static const struct setting dir[] = {
        {"server.log_keep", " 5 "}, {"no.such", "1"}, {"server.log_size", "many"}, {"smtpd.wait", "15m"}};
    bool changed = false;
    assert_int_equal(settings_set_layer(s, SETTINGS_DIRECTORY, dir, 4, on_bad, NULL, &changed), 0);
    assert_true(changed);
    assert_int_equal(bad_count, 2);
    assert_string_equal(settings_str(s, "server.log_keep"), "5");
    assert_int_equal(settings_u64(s, "smtpd.wait"), 900);
    assert_string_equal(settings_origin(s, "server.log_keep"), "directory");
    static const struct setting conf[] = {{"server.log_keep", "9"}};
    assert_int_equal(settings_set_layer(s, SETTINGS_CONF, conf, 1, NULL, NULL, &changed), 0);
    assert_true(changed);
    assert_int_equal(settings_u64(s, "server.log_keep"), 9);
    assert_string_equal(settings_origin(s, "server.log_keep"), "iems.conf");
    assert_int_equal(settings_set_layer(s, SETTINGS_CONF, conf, 1, NULL, NULL, &changed), 0);
    assert_false(changed);
    assert_int_equal(settings_set_layer(s, SETTINGS_CONF, NULL, 0, NULL, NULL, &changed), 0);
    assert_true(changed);
    assert_int_equal(settings_u64(s, "server.log_keep"), 5);
    settings_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),   cmocka_unit_test(test_table),  cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_suggest), cmocka_unit_test(test_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* iems.conf: good files, and for each bad one the message with file, line and what would be right (PORT-07). */
#include "daemon/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "[server]\nhostname = mail.example.test\ndomain = example.test\n"

static void test_good(void **state) {
    (void)state;
    static const char text[] = "# a comment\n"
                               "; another\n"
                               "\n"
                               "[server]\n"
                               "hostname = Mail.Example.Test\r\n"
                               "domain=example.test\n"
                               "port_base = 20000\n"
                               "user = iems\n"
                               "log_level = SMTP session\n"
                               "\n"
                               "[smtpd]\n"
                               "listen_smtp = [::1]:2525 127.0.0.1:2525\n"
                               "wait = 5s\n"
                               "[mta]\n"
                               "matrix.loop = SMTPD:SMTPC,LOCAL;DL:*\n";
    struct instance_config *c = NULL;
    struct error err = {0};
    assert_int_equal(instance_config_parse(str_from(text), "iems.conf", &c, &err), 0);
    assert_string_equal(c->hostname, "mail.example.test");
    assert_string_equal(c->domain, "example.test");
    assert_string_equal(c->user, "iems");
    assert_int_equal(c->port_base, 20000);
    assert_int_equal(c->option_count, 4);
    assert_string_equal(c->options[1].name, "smtpd.listen_smtp");
    assert_string_equal(c->options[1].value, "[::1]:2525 127.0.0.1:2525");
    assert_string_equal(c->options[3].value, "SMTPD:SMTPC,LOCAL;DL:*");
    instance_config_free(c);
}

static void test_bad(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "iems.conf: [server] must say hostname = mail.example.org"},
        {"[server]\nhostname = a.b\n", "iems.conf: [server] must say domain = example.org"},
        {"hostname = a.b\n", "iems.conf:1: 'hostname' stands before the first [section]; [server] is expected"},
        {HEAD "nonsense\n", "iems.conf:4: 'name = value' or '[section]' is expected"},
        {HEAD "[smtpd\n", "iems.conf:4: 'name = value' or '[section]' is expected"},
        {"[server]\nhostname = mail\n", "iems.conf:2: hostname: 'mail' is not a full domain name, as mail.example.org"},
        {"[server]\nhostname = a..b\n", "iems.conf:2: hostname: 'a..b' is not a full domain name, as mail.example.org"},
        {"[server]\ndomain = exa mple.org\n",
         "iems.conf:2: domain: 'exa mple.org' is not a full domain name, as example.org"},
        {HEAD "port_base = 70000\n", "iems.conf:4: port_base: 0 to 50000, not '70000'"},
        {HEAD "user = a b\n", "iems.conf:4: user: 'a b' is not a user name"},
        {HEAD "log_levle = info\n",
         "iems.conf:4: there is no option 'server.log_levle'; did you mean 'server.log_level'?"},
        {HEAD "\n[smtpd]\nwait = never\n",
         "iems.conf:6: smtpd.wait: a time from 0s to 1h (as 90s, 15m, 4h, 3d), not 'never'"},
        {HEAD "log_keep = 1\nlog_keep = 2\n", "iems.conf:5: server.log_keep is set twice, first in line 4"},
        {HEAD "domain = a.b\n", "iems.conf:4: domain is set twice, first in line 3"},
        {HEAD "[nonsense]\nwait = 1\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct instance_config *c = NULL;
        struct error err = {0};
        assert_true(instance_config_parse(str_from(cases[i].text), "iems.conf", &c, &err) < 0);
        assert_null(c);
        if (cases[i].message != NULL) assert_string_equal(err.text, cases[i].message);
    }
}

static void test_long_and_binary(void **state) {
    (void)state;
    struct instance_config *c = NULL;
    struct error err = {0};
    BUF_AUTO b = BUF_INIT(100000);
    buf_adds(&b, HEAD "log_keep = ");
    for (int i = 0; i < 9000; i++) buf_addc(&b, '1');
    assert_int_equal(instance_config_parse(buf_str(&b), "f", &c, &err), ERR_LIMIT);
    assert_string_equal(err.text, "f:4: the line is longer than 4096 bytes");
    assert_int_equal(instance_config_parse(STR("[server]\nhost\0name = x\n"), "f", &c, &err), ERR_INVALID);
    assert_string_equal(err.text, "f:2: the line holds a zero byte");
}

static void test_read(void **state) {
    (void)state;
    struct instance_config *c = NULL;
    struct error err = {0};
    assert_int_equal(instance_config_read("/nonexistent/instance", &c, &err), ERR_NOTFOUND);
    assert_int_equal(instance_config_read("/tmp", &c, &err), ERR_NOTFOUND);
    assert_string_equal(err.text, "/tmp is not an instance: it has no iems.conf (see `iems help init`)");
    char path[INSTANCE_PATH_MAX];
    assert_int_equal(program_find("iems-no-such-program", path, &err), ERR_NOTFOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_long_and_binary),
        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

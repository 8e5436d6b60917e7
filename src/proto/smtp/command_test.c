/* Unit tests of command.c: RFC 5321 section 4.1.1, RFC 1870, 2033, 3030, 3461, 4954, 6152, 6531; ESMTP-01 to ESMTP-06.
 */
#include "proto/smtp/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

enum { ALL = 2047 };

static const struct smtp_command_rules rules = {ALL, ADDRESS_NULL | ADDRESS_UNQUALIFIED,
                                                ADDRESS_UNQUALIFIED | ADDRESS_UTF8};

static void verbs(void **state) {
    (void)state;
    static const struct {
        const char *line;
        enum smtp_verb verb;
        unsigned code; /* 0: good */
        const char *argument;
    } cases[] = {
        {"HELO a.example", SMTP_HELO, 0, "a.example"},
        {"ehlo  a.example ", SMTP_EHLO, 0, "a.example"},
        {"EHLO", SMTP_EHLO, 501, ""},
        {"LHLO [192.0.2.1]", SMTP_LHLO, 0, "[192.0.2.1]"},
        {"DATA", SMTP_DATA, 0, ""},
        {"DATA ", SMTP_DATA, 0, ""},
        {"DATA x", SMTP_DATA, 501, "x"},
        {"RSET", SMTP_RSET, 0, ""},
        {"RSET x", SMTP_RSET, 501, "x"},
        {"NOOP", SMTP_NOOP, 0, ""},
        {"NOOP anything goes", SMTP_NOOP, 0, "anything goes"},
        {"QuIt", SMTP_QUIT, 0, ""},
        {"VRFY bart", SMTP_VRFY, 0, "bart"},
        {"VRFY", SMTP_VRFY, 501, ""},
        {"EXPN list", SMTP_EXPN, 0, "list"},
        {"HELP", SMTP_HELP, 0, ""},
        {"HELP MAIL", SMTP_HELP, 0, "MAIL"},
        {"STARTTLS", SMTP_STARTTLS, 0, ""},
        {"STARTTLS now", SMTP_STARTTLS, 501, "now"},
        {"ETRN example.test", SMTP_ETRN, 0, "example.test"},
        {"ETRN @example.test", SMTP_ETRN, 0, "example.test"},
        {"ETRN #dial-up", SMTP_ETRN, 0, "dial-up"},
        {"ETRN", SMTP_ETRN, 501, ""},
        {"ETRN @", SMTP_ETRN, 501, ""},
        {"ETRN a b", SMTP_ETRN, 501, "a b"},
        {"ETRN -a.example", SMTP_ETRN, 501, "-a.example"},
        {"ETRN a..example", SMTP_ETRN, 501, "a..example"},
        {"ETRN \xc3\xbc.example", SMTP_ETRN, 501, "\xc3\xbc.example"},
        {"ATRN", SMTP_ATRN, 0, ""},
        {"ATRN a.example,b.example", SMTP_ATRN, 0, "a.example,b.example"},
        {"ATRN a.example,", SMTP_ATRN, 501, "a.example,"},
        {"ATRN ,", SMTP_ATRN, 501, ","},
        {"ATRN a b", SMTP_ATRN, 501, "a b"},
        {"BURL imap://x/y", SMTP_BURL, 0, "imap://x/y"},
        {"BURL imap://x/y last", SMTP_BURL, 0, "imap://x/y"},
        {"BURL", SMTP_BURL, 501, ""},
        {"BURL imap://x/y FIRST", SMTP_BURL, 501, "imap://x/y"},
        {"BURL imap://x/y LAST x", SMTP_BURL, 501, "imap://x/y"},
        {"", SMTP_UNKNOWN, 500, ""},
        {" DATA", SMTP_UNKNOWN, 500, "DATA"},
        {"FROB x", SMTP_UNKNOWN, 500, "x"},
        {"DATAX", SMTP_UNKNOWN, 500, ""},
        {"DATA\r", SMTP_UNKNOWN, 500, ""},
        {"NOOP a\rb", SMTP_NOOP, 500, "a\rb"},
        {"GET / HTTP/1.1", SMTP_FOREIGN, 500, "/ HTTP/1.1"},
        {"host: mail.example.test", SMTP_FOREIGN, 500, "mail.example.test"},
        {"MAIL", SMTP_MAIL, 501, ""},
        {"MAIL FROM", SMTP_MAIL, 501, "FROM"},
        {"MAIL TO:<a@b>", SMTP_MAIL, 501, "TO:<a@b>"},
        {"RCPT FROM:<a@b>", SMTP_RCPT, 501, "FROM:<a@b>"},
        {"MAILFROM:<a@b>", SMTP_UNKNOWN, 500, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct smtp_command c;
        struct smtp_fault f = {0};
        int rc = smtp_command_parse(str_from(cases[i].line), &rules, &c, &f);
        if ((rc == 0) != (cases[i].code == 0) || f.code != cases[i].code) fail_msg("%s: %u", cases[i].line, f.code);
        assert_int_equal(c.verb, cases[i].verb);
        assert_true(str_eq(c.argument, str_from(cases[i].argument)));
    }
}

static void mail(void **state) {
    (void)state;
    static const struct {
        const char *line, *from;
        unsigned code;
        uint64_t size;
        enum smtp_body body;
        bool utf8;
        const char *ret, *envid, *auth;
    } cases[] = {
        {"MAIL FROM:<a@b.example>", "a@b.example", 0, 0, 0, 0, "", "", ""},
        {"mail from: <a@B.example> ", "a@b.example", 0, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<>", "", 0, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<bart>", "bart", 0, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> SIZE=1234", "a@b.example", 0, 1234, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> size=0 body=8bitmime", "a@b.example", 0, 0, SMTP_BODY_8BITMIME, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> BODY=BINARYMIME RET=hdrs ENVID=x+2By", "a@b.example", 0, 0, SMTP_BODY_BINARYMIME, 0,
         "HDRS", "x+2By", ""},
        {"MAIL FROM:<a@b.example> RET=FULL AUTH=<>", "a@b.example", 0, 0, 0, 0, "FULL", "", "<>"},
        {"MAIL FROM:<a@b.example> AUTH=c+2Bd@e.example", "a@b.example", 0, 0, 0, 0, "", "", "c+2Bd@e.example"},
        {"MAIL FROM:<\xc3\xbc@b.example> SMTPUTF8", "\xc3\xbc@b.example", 0, 0, 0, true, "", "", ""},
        {"MAIL FROM:<a@b.example> SMTPUTF8", "a@b.example", 0, 0, 0, true, "", "", ""},
        {"MAIL FROM:<\xc3\xbc@b.example>", NULL, 553, 0, 0, 0, "", "", ""},
        {"MAIL FROM:a@b.example", NULL, 501, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example>SIZE=3", NULL, 501, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> SIZE=", NULL, 501, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> SIZE", NULL, 501, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> SIZE=-1", NULL, 501, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> SIZE=99999999999999999999999", NULL, 501, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> SIZE=1 SIZE=2", NULL, 501, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> BODY=9BIT", NULL, 501, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> SMTPUTF8=yes", NULL, 501, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> RET=SOME", NULL, 501, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> ENVID=a=b", NULL, 501, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> AUTH=a=b", NULL, 501, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> FOO=bar", NULL, 555, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> NOTIFY=NEVER", NULL, 555, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a@b.example> =x", NULL, 555, 0, 0, 0, "", "", ""},
        {"MAIL FROM:<a\x01@b.example>", NULL, 500, 0, 0, 0, "", "", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct smtp_command c;
        struct smtp_fault f = {0};
        int rc = smtp_command_parse(str_from(cases[i].line), &rules, &c, &f);
        if ((rc == 0) != (cases[i].code == 0) || f.code != cases[i].code)
            fail_msg("%s: %u %s", cases[i].line, f.code, f.text);
        assert_int_equal(c.verb, SMTP_MAIL);
        if (rc < 0) continue;
        assert_string_equal(c.path.text, cases[i].from);
        assert_int_equal(c.mail.size, cases[i].size);
        assert_int_equal(c.mail.body, cases[i].body);
        assert_int_equal(c.mail.smtputf8, cases[i].utf8);
        assert_string_equal(c.mail.ret, cases[i].ret);
        assert_true(str_eq(c.mail.envid, str_from(cases[i].envid)));
        assert_true(str_eq(c.mail.auth, str_from(cases[i].auth)));
    }
}

/* RFC 4865 section 3, RFC 2852 section 4, RFC 6710 section 7, RFC 8689 section 2. */
static void mail_times(void **state) {
    (void)state;
    static const struct {
        const char *parameters;
        unsigned code;
        uint64_t hold_for;
        int64_t hold_until;
        char by_mode;
        bool by_trace;
        int64_t by;
        bool has_priority;
        int priority;
        bool requiretls;
    } cases[] = {
        {.parameters = "HOLDFOR=3600", .hold_for = 3600},
        {.parameters = "holduntil=2026-11-21T07:24:00Z", .hold_until = 1795245840},
        {.parameters = "HOLDFOR=0", .code = 501},
        {.parameters = "HOLDFOR=060", .code = 501},
        {.parameters = "BY=0000000060;R", .code = 501},
        {.parameters = "HOLDFOR=1000000000", .code = 501},
        {.parameters = "HOLDFOR=-1", .code = 501},
        {.parameters = "HOLDUNTIL=tomorrow", .code = 501},
        {.parameters = "HOLDFOR=1 HOLDUNTIL=2026-11-21T07:24:00Z", .code = 501},
        {.parameters = "HOLDFOR", .code = 501},
        {.parameters = "BY=120;R", .by = 120, .by_mode = 'R'},
        {.parameters = "BY=+120;n", .by = 120, .by_mode = 'N'},
        {.parameters = "BY=-60;NT", .by = -60, .by_mode = 'N', .by_trace = true},
        {.parameters = "BY=999999999;rt", .by = 999999999, .by_mode = 'R', .by_trace = true},
        {.parameters = "BY=0;N", .by = 0, .by_mode = 'N'},
        {.parameters = "BY=0;R", .code = 501},
        {.parameters = "BY=-1;R", .code = 501},
        {.parameters = "BY=120", .code = 501},
        {.parameters = "BY=120;", .code = 501},
        {.parameters = "BY=120;X", .code = 501},
        {.parameters = "BY=120;RX", .code = 501},
        {.parameters = "BY=120;RTT", .code = 501},
        {.parameters = "BY=;R", .code = 501},
        {.parameters = "BY=--1;N", .code = 501},
        {.parameters = "BY=1000000000;R", .code = 501},
        {.parameters = "MT-PRIORITY=3", .has_priority = true, .priority = 3},
        {.parameters = "MT-PRIORITY=-9", .has_priority = true, .priority = -9},
        {.parameters = "MT-PRIORITY=0", .has_priority = true},
        {.parameters = "MT-PRIORITY=10", .code = 501},
        {.parameters = "MT-PRIORITY=+3", .code = 501},
        {.parameters = "MT-PRIORITY=-0", .code = 501},
        {.parameters = "MT-PRIORITY=03", .code = 501},
        {.parameters = "MT-PRIORITY=-", .code = 501},
        {.parameters = "MT-PRIORITY=-10", .code = 501},
        {.parameters = "MT-PRIORITY=", .code = 501},
        {.parameters = "MT-PRIORITY=high", .code = 501},
        {.parameters = "REQUIRETLS", .requiretls = true},
        {.parameters = "REQUIRETLS=yes", .code = 501},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct smtp_command c;
        struct smtp_fault f = {0};
        BUF_AUTO line = BUF_INIT(1000);
        buf_printf(&line, "MAIL FROM:<a@b.example> %s", cases[i].parameters);
        int rc = smtp_command_parse(buf_str(&line), &rules, &c, &f);
        if (f.code != cases[i].code) fail_msg("%s: %u %s", cases[i].parameters, f.code, f.text);
        struct smtp_command_rules none = rules;
        none.extensions = 63;
        struct smtp_command other;
        assert_int_equal(smtp_command_parse(buf_str(&line), &none, &other, &f), ERR_INVALID);
        assert_int_equal(f.code, 555);
        if (rc < 0) continue;
        assert_int_equal(c.mail.hold_for, cases[i].hold_for);
        assert_int_equal(c.mail.hold_until, cases[i].hold_until);
        assert_int_equal(c.mail.by_mode, cases[i].by_mode);
        assert_int_equal(c.mail.by_trace, cases[i].by_trace);
        assert_int_equal(c.mail.by, cases[i].by);
        assert_int_equal(c.mail.has_priority, cases[i].has_priority);
        assert_int_equal(c.mail.priority, cases[i].priority);
        assert_int_equal(c.mail.requiretls, cases[i].requiretls);
    }
}

/* A parameter of an extension that is switched off is unknown (ESMTP-02, ESMTP-03, ESMTP-05). */
static void extensions_off(void **state) {
    (void)state;
    static const struct {
        const char *line;
        unsigned extensions, code;
    } cases[] = {
        {"MAIL FROM:<a@b.example> SIZE=1", ALL & ~SMTP_EXT_SIZE, 555},
        {"MAIL FROM:<a@b.example> BODY=8BITMIME", ALL & ~SMTP_EXT_8BITMIME, 555},
        {"MAIL FROM:<a@b.example> BODY=BINARYMIME", ALL & ~SMTP_EXT_BINARYMIME, 555},
        {"MAIL FROM:<a@b.example> SMTPUTF8", ALL & ~SMTP_EXT_SMTPUTF8, 555},
        {"MAIL FROM:<\xc3\xbc@b.example>", ALL & ~SMTP_EXT_SMTPUTF8, 553},
        {"MAIL FROM:<a@b.example> RET=FULL", ALL & ~SMTP_EXT_DSN, 555},
        {"MAIL FROM:<a@b.example> AUTH=<>", ALL & ~SMTP_EXT_AUTH, 555},
        {"RCPT TO:<a@b.example> NOTIFY=NEVER", ALL & ~SMTP_EXT_DSN, 555},
        {"RCPT TO:<a@b.example> XMAILBOX", ALL & ~SMTP_EXT_XMAILBOX, 555},
        {"RCPT TO:<a@b.example> xmailbox", ALL, 0},
        {"RCPT TO:<a@b.example> XMAILBOX=1", ALL, 501},
        {"MAIL FROM:<a@b.example> XMAILBOX", ALL, 555},
        {"MAIL FROM:<a@b.example> BODY=8BITMIME", SMTP_EXT_8BITMIME, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct smtp_command_rules some = rules;
        some.extensions = cases[i].extensions;
        struct smtp_command c;
        struct smtp_fault f = {0};
        (void)!smtp_command_parse(str_from(cases[i].line), &some, &c, &f);
        if (f.code != cases[i].code) fail_msg("%s: %u", cases[i].line, f.code);
    }
}

static void rcpt(void **state) {
    (void)state;
    static const struct {
        const char *line, *to;
        unsigned code, notify;
        const char *orcpt;
    } cases[] = {
        {"RCPT TO:<a@b.example>", "a@b.example", 0, 0, ""},
        {"RCPT TO:<postmaster>", "postmaster", 0, 0, ""},
        {"RCPT TO:<@x.example:a@b.example>", "a@b.example", 0, 0, ""},
        {"RCPT TO:<\"a b\"@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+20b@b.example", "\"a b\"@b.example", 0,
         DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY, "rfc822;a+20b@b.example"},
        {"RCPT TO:<\xc3\xbc@b.example>", "\xc3\xbc@b.example", 0, 0, ""},
        {"RCPT TO:<>", NULL, 501, 0, ""},
        {"RCPT TO:<a@b.example> NOTIFY=NEVER,DELAY", NULL, 501, 0, ""},
        {"RCPT TO:<a@b.example> ORCPT=a@b.example", NULL, 501, 0, ""},
        {"RCPT TO:<a@b.example> SIZE=3", NULL, 555, 0, ""},
        {"RCPT TO:<a@b..example>", NULL, 501, 0, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct smtp_command c;
        struct smtp_fault f = {0};
        int rc = smtp_command_parse(str_from(cases[i].line), &rules, &c, &f);
        if ((rc == 0) != (cases[i].code == 0) || f.code != cases[i].code) fail_msg("%s: %u", cases[i].line, f.code);
        if (rc < 0) continue;
        assert_string_equal(c.path.text, cases[i].to);
        assert_int_equal(c.rcpt.notify, cases[i].notify);
        assert_true(str_eq(c.rcpt.orcpt, str_from(cases[i].orcpt)));
    }
}

static void bdat_and_auth(void **state) {
    (void)state;
    static const struct {
        const char *line;
        unsigned code;
        uint64_t chunk;
        bool last;
    } chunks[] = {
        {"BDAT 0", 0, 0, false},          {"BDAT 1000 LAST", 0, 1000, true},
        {"bdat 5 last", 0, 5, true},      {"BDAT", 501, 0, false},
        {"BDAT x", 501, 0, false},        {"BDAT 5 FIRST", 501, 0, false},
        {"BDAT 5 LAST x", 501, 0, false}, {"BDAT -5", 501, 0, false},
        {"BDAT 5LAST", 501, 0, false},    {"BDAT 99999999999999999999", 501, 0, false},
    };
    struct smtp_command c;
    for (size_t i = 0; i < COUNT(chunks); i++) {
        struct smtp_fault f = {0};
        (void)!smtp_command_parse(str_from(chunks[i].line), &rules, &c, &f);
        if (f.code != chunks[i].code) fail_msg("%s: %u", chunks[i].line, f.code);
        if (f.code != 0) continue;
        assert_int_equal(c.chunk, chunks[i].chunk);
        assert_int_equal(c.last, chunks[i].last);
    }
    static const struct {
        const char *line;
        unsigned code;
        const char *mechanism, *initial; /* NULL: none */
    } auths[] = {
        {"AUTH PLAIN", 0, "PLAIN", NULL},        {"AUTH PLAIN AGEAYg==", 0, "PLAIN", "AGEAYg=="},
        {"AUTH EXTERNAL =", 0, "EXTERNAL", "="}, {"AUTH", 501, NULL, NULL},
        {"AUTH PLAIN a b", 501, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(auths); i++) {
        struct smtp_fault f = {0};
        (void)!smtp_command_parse(str_from(auths[i].line), &rules, &c, &f);
        assert_int_equal(f.code, auths[i].code);
        if (f.code != 0) continue;
        assert_true(str_eq(c.argument, str_from(auths[i].mechanism)));
        assert_int_equal(c.has_initial, auths[i].initial != NULL);
        if (c.has_initial) assert_true(str_eq(c.initial, str_from(auths[i].initial)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verbs), cmocka_unit_test(mail),          cmocka_unit_test(extensions_off),
        cmocka_unit_test(rcpt),  cmocka_unit_test(bdat_and_auth), cmocka_unit_test(mail_times),
    };
    return cmocka_run_group_tests_name("smtp command", tests, NULL, NULL);
}

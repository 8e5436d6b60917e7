/* Unit tests of sendmail's flags and input: SCLI-01, SCLI-02; RFC 5322 section 3.6, RFC 3461. */
#include "cli/sendmail_args.h"
#include "cli/sendmail_input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "proto/smtp/dsn.h"

enum { WORDS = 10 };

static void flags(void **state) {
    (void)state;
    static const struct {
        const char *argv[WORDS];
        int rc;
        enum sendmail_mode mode;
        const char *sender;
        bool from_header, ignore_dots;
        int recipients;
        unsigned notify;
        const char *ret, *envid;
    } cases[] = {
        {{"a@b"}, 0, SENDMAIL_SUBMIT, NULL, false, false, 1, 0, "", ""},
        {{"-t", "-i"}, 0, SENDMAIL_SUBMIT, NULL, true, true, 0, 0, "", ""},
        {{"-ti"}, 0, SENDMAIL_SUBMIT, NULL, true, true, 0, 0, "", ""},
        {{"-oi", "-f", "x@y", "a@b", "c@d"}, 0, SENDMAIL_SUBMIT, "x@y", false, true, 2, 0, "", ""},
        {{"-fx@y", "-oem", "-odb", "a@b"}, 0, SENDMAIL_SUBMIT, "x@y", false, false, 1, 0, "", ""},
        {{"-r", "<>", "--", "-t"}, 0, SENDMAIL_SUBMIT, "<>", false, false, 1, 0, "", ""},
        {{"-FMy Name", "-F", "Other Name", "a@b"}, 0, SENDMAIL_SUBMIT, NULL, false, false, 1, 0, "", ""},
        {{"-N", "success,failure", "-R", "hdrs", "-Venv1", "a@b"},
         0,
         SENDMAIL_SUBMIT,
         NULL,
         false,
         false,
         1,
         DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE,
         "HDRS",
         "env1"},
        {{"-N", "never", "-R", "FULL", "a@b"}, 0, SENDMAIL_SUBMIT, NULL, false, false, 1, DSN_NOTIFY_NEVER, "FULL", ""},
        {{"-bs"}, 0, SENDMAIL_SMTP, NULL, false, false, 0, 0, "", ""},
        {{"-bp"}, 0, SENDMAIL_QUEUE, NULL, false, false, 0, 0, "", ""},
        {{"-bi"}, 0, SENDMAIL_NOTHING, NULL, false, false, 0, 0, "", ""},
        {{"-q30m"}, 0, SENDMAIL_NOTHING, NULL, false, false, 0, 0, "", ""},
        {{"-qp30m"}, 0, SENDMAIL_NOTHING, NULL, false, false, 0, 0, "", ""},
        {{"-q"}, 0, SENDMAIL_RUN, NULL, false, false, 0, 0, "", ""},
        {{"-qf"}, 0, SENDMAIL_RUN, NULL, false, false, 0, 0, "", ""},
        {{"-qRone.example"}, 0, SENDMAIL_RUN, NULL, false, false, 0, 0, "", ""},
        {{"-qI17"}, 0, SENDMAIL_RUN, NULL, false, false, 0, 0, "", ""},
        {{"-bv", "a@b"}, 0, SENDMAIL_VERIFY, NULL, false, false, 1, 0, "", ""},
        {{"-V", "a+20b+2Bc", "a@b"}, 0, SENDMAIL_SUBMIT, NULL, false, false, 1, 0, "", "a+20b+2Bc"},
        {{"-B8BITMIME", "-v", "-G", "-Am", "a@b"}, 0, SENDMAIL_SUBMIT, NULL, false, false, 1, 0, "", ""},
        {{"-bd"}, ERR_INVALID, 0, NULL, false, false, 0, 0, "", ""},
        {{"-f"}, ERR_INVALID, 0, NULL, false, false, 0, 0, "", ""},
        {{"-N", "sometimes"}, ERR_INVALID, 0, NULL, false, false, 0, 0, "", ""},
        {{"-R", "half"}, ERR_INVALID, 0, NULL, false, false, 0, 0, "", ""},
        {{"-V", "a b", "a@b"}, ERR_INVALID, 0, NULL, false, false, 0, 0, "", ""}, /* RFC 3461 section 4.4 */
        {{"-V", "", "a@b"}, ERR_INVALID, 0, NULL, false, false, 0, 0, "", ""},
        {{"-V", "a=b", "a@b"}, ERR_INVALID, 0, NULL, false, false, 0, 0, "", ""},
        {{"-qR"}, ERR_INVALID, 0, NULL, false, false, 0, 0, "", ""},
        {{"-qQ"}, ERR_INVALID, 0, NULL, false, false, 0, 0, "", ""},
        {{"-bt"}, ERR_INVALID, 0, NULL, false, false, 0, 0, "", ""},
        {{"-Z"}, ERR_INVALID, 0, NULL, false, false, 0, 0, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *argv[WORDS + 2] = {(char *)(uintptr_t) "sendmail"};
        int argc = 1;
        for (; argc <= WORDS && cases[i].argv[argc - 1] != NULL; argc++)
            argv[argc] = (char *)(uintptr_t)cases[i].argv[argc - 1];
        struct sendmail_args a;
        struct error err = {0};
        assert_int_equal(sendmail_args_parse(argc, argv, &a, &err), cases[i].rc);
        if (cases[i].rc != 0) {
            assert_true(err.text[0] != '\0');
            continue;
        }
        assert_int_equal(a.mode, cases[i].mode);
        assert_int_equal(a.sender != NULL, cases[i].sender != NULL);
        if (a.sender != NULL) assert_string_equal(a.sender, cases[i].sender);
        assert_int_equal(a.from_header, cases[i].from_header);
        assert_int_equal(a.ignore_dots, cases[i].ignore_dots);
        assert_int_equal(a.recipient_count, cases[i].recipients);
        assert_int_equal(a.notify, cases[i].notify);
        assert_string_equal(a.ret, cases[i].ret);
        assert_string_equal(a.envid, cases[i].envid);
    }
}

/* Whole and byte by byte. */
static void input(void **state) {
    (void)state;
    static const struct {
        const char *in;
        bool ignore_dots;
        const char *header, *body;
    } cases[] = {
        {"Subject: x\n\nHello\n", false, "Subject: x\r\n", "Hello\r\n"},
        {"Subject: x\r\n folded\r\n\r\nHello\r\n", false, "Subject: x\r\n folded\r\n", "Hello\r\n"},
        {"Subject: x\n\none\n.\ntwo\n", false, "Subject: x\r\n", "one\r\n"},
        {"Subject: x\n\none\n.\ntwo\n", true, "Subject: x\r\n", "one\r\n.\r\ntwo\r\n"},
        {"Subject: x\n\none\r.\rtwo", true, "Subject: x\r\n", "one\r\n.\r\ntwo\r\n"},
        {"just text\nmore: text\n", false, "", "just text\r\nmore: text\r\n"},
        {"\nbody\n", false, "", "body\r\n"},
        {"From bart Sat Nov 21\nTo: a@b\n\nx", false, "To: a@b\r\n", "x\r\n"},
        {"To: a@b\nnot a field\n\nx\n", false, "To: a@b\r\n", "not a field\r\n\r\nx\r\n"},
        {"To: a@b\n", false, "To: a@b\r\n", ""},
        {"", false, "", ""},
        {".\n", false, "", ""},
        {"a\n\n\nb\n\n", false, "", "a\r\n\r\n\r\nb\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t step = 1; step < 1000; step += 998) {
            struct sendmail_input in;
            BUF_AUTO body = BUF_INIT(10000);
            sendmail_input_init(&in, cases[i].ignore_dots);
            for (struct str rest = str_from(cases[i].in); rest.len > 0; rest = str_sub(rest, step, rest.len))
                assert_int_equal(sendmail_input_feed(&in, str_sub(rest, 0, step), &body), 0);
            assert_int_equal(sendmail_input_finish(&in, &body), 0);
            assert_string_equal(buf_cstr(&in.header), cases[i].header);
            assert_string_equal(buf_cstr(&body), cases[i].body);
            sendmail_input_done(&in);
        }
    }
}

static void header(void **state) {
    (void)state;
    static const struct {
        const char *in, *recipients;
        const char *has[3], *never;
    } cases[] = {
        {"To: Homer <homer@x.test>, lisa\r\nCc: \"Odd Local\"@y.test\r\nBcc: secret@z.test\r\nFrom: a@b\r\nDate: "
         "d\r\nMessage-ID: <1@x>\r\n",
         "homer@x.test\nlisa@dom.test\n\"Odd Local\"@y.test\nsecret@z.test\n",
         {"To: Homer <homer@x.test>, lisa\r\n", "Cc: \"Odd"},
         "secret"},
        {"Subject: x\r\n",
         "",
         {"From: \"Bart S\" <bart@dom.test>\r\n", "Message-ID: <id1@mail.test>\r\n", "Date: "},
         "Bcc"},
        {"To: list: a@x.test, b@x.test;, c@x.test\r\n", "a@x.test\nb@x.test\nc@x.test\n", {"To: list:"}, "Bcc"},
        {"To: old@x.test\r\nResent-To: new@x.test\r\nResent-Bcc: hid@x.test\r\n",
         "new@x.test\nhid@x.test\n",
         {"To: old"},
         "hid@"},
        {"bcc:\r\n only@x.test\r\nSubject: y\r\n", "only@x.test\n", {"Subject: y\r\n"}, "only"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sendmail_fields f = {.sender = STR("bart@dom.test"),
                                    .full_name = STR("Bart \"S\""),
                                    .hostname = STR("mail.test"),
                                    .domain = STR("dom.test"),
                                    .ident = STR("id1"),
                                    .now = 1795244000};
        BUF_AUTO out = BUF_INIT(10000), recipients = BUF_INIT(10000);
        assert_int_equal(sendmail_header_make(str_from(cases[i].in), &f, &out, &recipients), 0);
        assert_string_equal(buf_cstr(&recipients), cases[i].recipients);
        for (int k = 0; k < 3 && cases[i].has[k] != NULL; k++) assert_non_null(strstr(buf_cstr(&out), cases[i].has[k]));
        assert_null(strstr(buf_cstr(&out), cases[i].never));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(flags), cmocka_unit_test(input), cmocka_unit_test(header)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

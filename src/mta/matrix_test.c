/* Unit tests of the channel action matrix: CAM-02, CAM-03. */
#include "mta/matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void texts(void **state) {
    (void)state;
    static const struct {
        const char *text, *formatted, *error; /* error: part of the message */
        const char *in[2], *out[2];
        bool has[2];
    } cases[] = {
        {"SMTPD:LOCAL,SMTPC;WEBCLIENT:*",
         "SMTPD:LOCAL,SMTPC;WEBCLIENT:*",
         NULL,
         {"SMTPD", "LOCALOUT"},
         {"LOCAL", "LOCAL"},
         {true, false}},
        {"*", "*:*", NULL, {"BSMTPIN", "smtpd"}, {"DL", "local"}, {true, true}},
        {"", "", NULL, {"SMTPD", "DL"}, {"LOCAL", "SMTPC"}, {false, false}},
        {"*:LOCAL", "*:LOCAL", NULL, {"SMTPD", "SMTPD"}, {"LOCAL", "SMTPC"}, {true, false}},
        {" smtpd : local , dl ; ; ", "SMTPD:LOCAL,DL", NULL, {"SMTPD", "SMTPD"}, {"DL", "BSMTPOUT"}, {true, false}},
        {"DLOUT:SMTPC", "DL:SMTPC", NULL, {"DL", "DLOUT"}, {"SMTPC", "SMTPC"}, {true, true}},
        {"SMTPD,WEBCLIENT:LOCAL",
         "SMTPD:LOCAL;WEBCLIENT:LOCAL",
         NULL,
         {"WEBCLIENT", "DL"},
         {"LOCAL", "LOCAL"},
         {true, false}},
        {"SMTPD:LOCAL", "SMTPD:LOCAL", NULL, {"UNKNOWN", "SMTPD"}, {"LOCAL", "UNKNOWN"}, {false, false}},
        {"SMTP:LOCAL", NULL, "\"SMTP\" is no input channel", {0}, {0}, {0}},
        {"SMTPD:INBOX", NULL, "\"INBOX\" is no output channel", {0}, {0}, {0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct matrix m = {0};
        struct error err = {0};
        int rc = matrix_parse(str_from(cases[i].text), &m, &err);
        if (cases[i].error != NULL) {
            assert_int_equal(rc, ERR_INVALID);
            assert_non_null(strstr(err.text, cases[i].error));
            continue;
        }
        assert_int_equal(rc, 0);
        for (int k = 0; k < 2; k++)
            assert_int_equal(matrix_has(&m, str_from(cases[i].in[k]), str_from(cases[i].out[k])), cases[i].has[k]);
        BUF_AUTO text = BUF_INIT(1000);
        matrix_format(&m, &text);
        assert_string_equal(buf_cstr(&text), cases[i].formatted);
        struct matrix again = {0};
        assert_int_equal(matrix_parse(buf_str(&text), &again, NULL), 0);
        assert_memory_equal(&again, &m, sizeof m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

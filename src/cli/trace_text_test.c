/* Unit tests of `iems trace`'s text. */
#include "cli/trace_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void story(void **state) {
    (void)state;
    static const struct {
        int64_t at;
        const char *text;
    } steps[] = {
        {1795244000100, "smtpd accepted from=<a@b> size=5"},
        {1795244000102, "mta routed to=<c@d> channel=SMTPC"},
        {1795244300102, "smtpc deferred to=<c@d> \x1b reply=\"450 no\""},
        {1795244300102, "other thing"},
    };
    Store__TraceLine lines[4];
    const Store__TraceLine *list[4];
    for (int i = 0; i < 4; i++) {
        store__trace_line__init(&lines[i]);
        lines[i].at = steps[i].at;
        lines[i].trace = (char *)(uintptr_t) "t1";
        lines[i].text = (char *)(uintptr_t)steps[i].text;
        list[i] = &lines[i];
    }
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    BUF_AUTO out = BUF_INIT(4000);
    trace_text(list, 4, 0, &out);
    struct str rest = buf_str(&out), head = str_cut(&rest, '\n');
    assert_true(str_starts(head, STR("Message t1  ")));
    assert_string_equal(rest.ptr, "  06:53:20.100            smtpd accepted from=<a@b> size=5\n"
                                  "  06:53:20.102 +  0.002s    mta routed to=<c@d> channel=SMTPC\n"
                                  "  06:58:20.102 +      5m      smtpc deferred to=<c@d> ? reply=\"450 no\"\n"
                                  "  06:58:20.102            other thing\n");
    buf_clear(&out);
    trace_text(list, 1, 1, &out);
    assert_true(str_starts(buf_str(&out), STR("  Report t1  ")));
    trace_text(list, 0, 0, &out);
}

static void reports(void **state) {
    (void)state;
    static const struct {
        const char *text, *id;
    } cases[] = {{"mta reports to=<a@b> report=xyz", "xyz"},
                 {"lmda reports to=<a@b> report=xyz more", "xyz"},
                 {"mta routed", ""},
                 {"x report=", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(str_eq(trace_report(str_from(cases[i].text)), str_from(cases[i].id)));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(story), cmocka_unit_test(reports)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

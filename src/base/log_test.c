/* LOG-01 to LOG-03: levels, one line an event, nothing in a line that could forge another. */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int file;
static char text[8192];

static int begin(void **state) {
    (void)state;
    char name[] = "/tmp/iems-log-XXXXXX";
    file = mkstemp(name);
    (void)unlink(name);
    log_open("test", file, LOG_MESSAGE);
    return file < 0;
}

static int end(void **state) {
    (void)state;
    log_open("iems", STDERR_FILENO, LOG_MESSAGE);
    return close(file);
}

/* All that is in the file, without the times of the lines. */
static const char *written(void) {
    char raw[sizeof text];
    ssize_t n = pread(file, raw, sizeof raw - 1, 0);
    assert_true(n >= 0);
    raw[n] = '\0';
    text[0] = '\0';
    size_t len = 0;
    for (struct str rest = str_from(raw); rest.len > 0;) {
        struct str line = str_cut(&rest, '\n'), when = str_word(&line);
        assert_int_equal(when.len, strlen("2026-11-21T07:24:00.000Z"));
        assert_int_equal(when.ptr[when.len - 1], 'Z');
        len += (size_t)snprintf(text + len, sizeof text - len, "%.*s\n", STR_ARG(line));
    }
    return text;
}

static void levels(void **state) {
    (void)state;
    static const struct {
        const char *name, *classic;
        enum log_level level;
    } cases[] = {
        {"error", "Errors only", LOG_ERROR},         {"warning", "warning", LOG_WARNING},
        {"MESSAGE", "Message Logging", LOG_MESSAGE}, {"smtp", "smtp session", LOG_SMTP},
        {"info", "informational", LOG_INFO},         {"debug", "diagnostic", LOG_DEBUG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum log_level a = LOG_ERROR, b = LOG_ERROR;
        assert_int_equal(log_level_parse(str_from(cases[i].name), &a), 0);
        assert_int_equal(log_level_parse(str_from(cases[i].classic), &b), 0);
        assert_int_equal(a, cases[i].level);
        assert_int_equal(b, cases[i].level);
        assert_int_equal(log_level_parse(str_from(log_level_name(a)), &b), 0);
        assert_int_equal(a, b);
        log_set_level(a);
        assert_int_equal(log_level(), a);
        for (size_t j = 0; j < sizeof cases / sizeof cases[0]; j++)
            assert_int_equal(log_enabled(cases[j].level), j <= i);
    }
    enum log_level level = LOG_INFO;
    static const char *const bad[] = {"", "errors", "messages", "2"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(log_level_parse(str_from(bad[i]), &level), ERR_INVALID);
    assert_int_equal(level, LOG_INFO);
}

static void lines(void **state) {
    (void)state;
    log_event(LOG_MESSAGE, "abc", "delivered", "uid=%d", 7);
    log_event(LOG_INFO, "-", "hidden", "x=1");
    assert_string_equal(written(), ""); /* gathered until log_flush */
    log_event(LOG_ERROR, "-", "broken", "why=\"%s\"", "disk");
    assert_string_equal(written(), "message test abc delivered uid=7\nerror test - broken why=\"disk\"\n");
}

static void control_bytes(void **state) {
    (void)state;
    log_event(LOG_WARNING, "id", "event", "from=<%s>",
              "a\r\n2026-01-01T00:00:00.000Z error forged\t\x1b[2J\x7f\xc3\xb6");
    log_flush();
    assert_string_equal(written(),
                        "warning test id event from=<a??2026-01-01T00:00:00.000Z error forged??[2J?\xc3\xb6>\n");
}

static void long_lines(void **state) {
    (void)state;
    char value[4000];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    log_event(LOG_WARNING, "id", "long", "v=%s", value);
    log_event(LOG_WARNING, "id", "next", "n=1");
    log_flush();
    const char *all = written(), *second = strchr(all, '\n') + 1;
    assert_in_range((size_t)(second - all), 1900, 2048);
    assert_string_equal(second, "warning test id next n=1\n");
}

/* More than the buffer holds: nothing is lost, the order stays. */
static void overflow(void **state) {
    (void)state;
    enum { LINES = 3000 };
    for (int i = 0; i < LINES; i++) log_event(LOG_WARNING, "-", "line", "n=%04d", i);
    log_flush();
    FILE *f = fdopen(dup(file), "r");
    assert_non_null(f);
    rewind(f);
    char line[256], want[32];
    int n = 0;
    for (; fgets(line, sizeof line, f) != NULL; n++) {
        (void)snprintf(want, sizeof want, "line n=%04d\n", n);
        assert_non_null(strstr(line, want));
    }
    (void)fclose(f);
    assert_int_equal(n, LINES);
}

/* What was logged before a rotation goes to the old file. */
static void rotation(void **state) {
    (void)state;
    int p[2];
    char got[256];
    assert_int_equal(pipe(p), 0);
    log_event(LOG_MESSAGE, "-", "before", "n=1");
    log_set_fd(p[1]);
    log_event(LOG_MESSAGE, "-", "after", "n=2");
    log_flush();
    close(p[1]);
    ssize_t n = read(p[0], got, sizeof got);
    close(p[0]);
    assert_true(n > 0);
    assert_true(str_ends(str_of(got, (size_t)n), STR(" message test - after n=2\n")));
    assert_string_equal(written(), "message test - before n=1\n");
    log_event(LOG_MESSAGE, "-", "lost", "n=3"); /* a log that cannot be written stops nobody */
    log_flush();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(levels, begin, end),
        cmocka_unit_test_setup_teardown(lines, begin, end),
        cmocka_unit_test_setup_teardown(control_bytes, begin, end),
        cmocka_unit_test_setup_teardown(long_lines, begin, end),
        cmocka_unit_test_setup_teardown(overflow, begin, end),
        cmocka_unit_test_setup_teardown(rotation, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

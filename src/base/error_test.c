/* The convention of failures: code and text, cut where the text is too long, never a stale or unterminated one. */
#include "base/error.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void set(void **state) {
    (void)state;
    struct error e = {0};
    assert_int_equal(error_set(&e, ERR_LIMIT, "%d of %s", 3, "four"), ERR_LIMIT);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_string_equal(e.text, "3 of four");
    assert_int_equal(error_set(NULL, ERR_IO, "nobody %s", "asks"), ERR_IO);
    int evaluated = 0;
    assert_int_equal(error_set(&e, (evaluated++, ERR_IO), "once"), ERR_IO);
    assert_int_equal(evaluated, 1);
}

static void prefix(void **state) {
    (void)state;
    struct error e = {0};
    (void)error_set(&e, ERR_TIMEOUT, "no answer");
    assert_int_equal(error_prefix(&e, "host %s", "a.example"), ERR_TIMEOUT);
    assert_string_equal(e.text, "host a.example: no answer");
    assert_int_equal(error_prefix(NULL, "nothing"), ERR_INVALID);
}

static void cut(void **state) {
    (void)state;
    char text[2 * ERROR_TEXT_MAX];
    struct error e = {0};
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)error_set(&e, ERR_INVALID, "%s", text);
    assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
    (void)error_prefix(&e, "first");
    assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
    assert_memory_equal(e.text, "first: xxx", 10);
    (void)error_prefix(&e, "%s", text);
    assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
}

static void names(void **state) {
    (void)state;
    for (int code = ERR_UNSUPPORTED; code <= ERR_OK; code++) {
        assert_string_not_equal(err_name(code), "unknown error");
        for (int other = ERR_UNSUPPORTED; other < code; other++)
            assert_string_not_equal(err_name(code), err_name(other));
    }
    assert_string_equal(err_name(1), "unknown error");
    assert_string_equal(err_name(ERR_UNSUPPORTED - 1), "unknown error");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(set), cmocka_unit_test(prefix), cmocka_unit_test(cut),
                                       cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Rows of tables as lines and as CSV: what export prints, import takes. */
#include "cli/csv.h"
#include "cli/table_args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ARENA_MAX = 1024 * 1024 };

static void test_line(void **state) {
    (void)state;
    static const struct {
        const char *line, *key, *columns[3], *again; /* again NULL: the same */
        int rc;
    } cases[] = {
        {"a.example max_sessions=2 tls=dane", "a.example", {"max_sessions=2", "tls=dane"}, NULL, 0},
        {"  *\t", "*", {NULL}, "*", 0},
        {"a.example note=\"two words\"", "a.example", {"note=two words"}, NULL, 0},
        {"a.example note=\"a \\\"b\\\" \\\\ c\"", "a.example", {"note=a \"b\" \\ c"}, NULL, 0},
        {"a.example note=\"\"", "a.example", {"note="}, NULL, 0},
        {"\"\\\"a b\\\"@c.example\" action=accept", "\"a b\"@c.example", {"action=accept"}, NULL, 0},
        {"a.example note=x # remark", "a.example", {"note=x"}, "a.example note=x", 0},
        {"# remark", NULL, {NULL}, NULL, ERR_NOTFOUND},
        {"   ", NULL, {NULL}, NULL, ERR_NOTFOUND},
        {"a.example note=\"open", NULL, {NULL}, NULL, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO arena = arena_new(ARENA_MAX);
        char *key, **columns;
        size_t count;
        struct error err = {0};
        int rc = table_row_parse(str_from(cases[i].line), arena, &key, &columns, &count, &err);
        assert_int_equal(rc, cases[i].rc);
        if (rc != 0) continue;
        assert_string_equal(key, cases[i].key);
        for (size_t k = 0; k < count; k++) assert_string_equal(columns[k], cases[i].columns[k]);
        assert_true(count == 3 || cases[i].columns[count] == NULL);
        Dir__TableRow row = DIR__TABLE_ROW__INIT;
        row.key = key;
        row.columns = columns;
        row.n_columns = count;
        BUF_AUTO again = BUF_INIT(ARENA_MAX);
        table_row_line(&row, &again);
        assert_string_equal(buf_cstr(&again), cases[i].again != NULL ? cases[i].again : cases[i].line);
    }
}

static void test_check(void **state) {
    (void)state;
    static const struct {
        const char *key;
        const char *column;
        const char *message; /* NULL: good */
    } cases[] = {
        {"a.example", "max_sessions=2", NULL},
        {"a.example", "max_sessions", "'max_sessions' is not column=value"},
        {"a.example", "=2", "'=2' is not column=value"},
        {"a.example", "max_sesions=2", "peer has no column 'max_sesions'; did you mean 'max_sessions'?"},
        {"a..example", "max_sessions=2",
         "'a..example' is not: host or domain, which covers all below it; * = all others"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        char *columns[] = {(char *)(uintptr_t)cases[i].column};
        int rc = table_row_check(table_find(STR("peer")), cases[i].key, columns, 1, &err);
        assert_int_equal(rc == 0, cases[i].message == NULL);
        if (rc != 0) assert_string_equal(err.text, cases[i].message);
    }
}

static void test_csv(void **state) {
    (void)state;
    struct str text = STR("key,\"a \"\"b\"\"\",c\r\n,,\n\"x\ny\",z");
    static const char *const lines[][3] = {{"key", "a \"b\"", "c"}, {"", "", ""}, {"x\ny", "z", NULL}};
    ARENA_AUTO arena = arena_new(ARENA_MAX);
    struct error err = {0};
    for (size_t i = 0; i < 3; i++) {
        char *fields[3];
        size_t count;
        assert_int_equal(csv_take_line(&text, arena, fields, 3, &count, &err), 0);
        for (size_t k = 0; k < count; k++) assert_string_equal(fields[k], lines[i][k]);
        assert_int_equal(count, lines[i][2] == NULL ? 2 : 3);
    }
    assert_int_equal(text.len, 0);
    static const struct {
        const char *text;
        int rc;
    } bad[] = {
        {"\"open", ERR_INVALID}, {"\"a\"b", ERR_INVALID}, {"a,b,c", ERR_LIMIT}, {"a,b,", 0}, {"\"", ERR_INVALID}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *fields[2];
        size_t count;
        text = str_from(bad[i].text);
        assert_int_equal(csv_take_line(&text, arena, fields, 2, &count, &err), bad[i].rc);
    }
    BUF_AUTO out = BUF_INIT(100);
    csv_add_field(&out, "plain");
    csv_add_field(&out, "a \"b\", c");
    assert_string_equal(buf_cstr(&out), "plain\"a \"\"b\"\", c\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

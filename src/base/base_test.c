/* Unit tests of src/base. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/list.h"
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void str_numbers(void **state) {
    (void)state;
    static const struct {
        const char *in;
        uint64_t max;
        int rc;
        uint64_t value;
    } cases[] = {
        {"0", 10, 0, 0},
        {"10", 10, 0, 10},
        {"11", 10, ERR_LIMIT, 0},
        {"", 10, ERR_INVALID, 0},
        {"1a", 10, ERR_INVALID, 0},
        {"-1", 10, ERR_INVALID, 0},
        {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, ERR_LIMIT, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t v = 0;
        assert_int_equal(str_to_u64(str_from(cases[i].in), cases[i].max, &v), cases[i].rc);
        if (cases[i].rc == 0) assert_int_equal(v, cases[i].value);
    }
}

static void str_searching(void **state) {
    (void)state;
    struct str rest = STR("a:b:c");
    assert_true(str_eq(str_cut(&rest, ':'), STR("a")));
    assert_true(str_eq(rest, STR("b:c")));
    assert_true(str_eq(str_cut(&rest, '!'), STR("b:c")));
    assert_int_equal(rest.len, 0);
    assert_int_equal(str_find_str_nocase(STR("Hello World"), STR("world")), 6);
    assert_int_equal(str_find_str(STR("abc"), STR("x")), STR_NPOS);
    assert_true(str_eq(str_trim(STR(" \t x y\r\n")), STR("x y")));
    struct str line = STR("  one \ttwo  ");
    assert_true(str_eq(str_word(&line), STR("one")));
    assert_true(str_eq(str_word(&line), STR("two")));
    assert_int_equal(str_word(&line).len, 0);
    assert_true(str_eq_secret(STR("secret"), STR("secret")));
    assert_false(str_eq_secret(STR("secret"), STR("secreT")));
    assert_false(str_eq_secret(STR("secret"), STR("secre")));
}

static void str_utf8(void **state) {
    (void)state;
    assert_true(str_is_utf8(STR("gr\xc3\xbc\xc3\x9f \xf0\x9f\x93\xa7")));
    static const char *const bad[] = {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\x80", "\xe0\x80\xaf"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(str_is_utf8(str_from(bad[i])));
}

static void buf_limits(void **state) {
    (void)state;
    BUF_AUTO b = BUF_INIT(10);
    buf_adds(&b, "12345");
    buf_printf(&b, "%d", 678);
    assert_string_equal(buf_cstr(&b), "12345678");
    buf_adds(&b, "toolong");
    assert_int_equal(b.error, ERR_LIMIT);
    buf_addc(&b, '9'); /* sticky */
    assert_int_equal(b.len, 8);
    buf_clear(&b);
    buf_addu(&b, 42);
    buf_addc(&b, 'x');
    buf_consume(&b, 1);
    assert_string_equal(buf_cstr(&b), "2x");
}

static void arena_limits(void **state) {
    (void)state;
    ARENA_AUTO a = arena_new(10000);
    assert_non_null(a);
    for (size_t len = 0; len < 40; len++) { /* whatever the memory held before */
        struct str copy = arena_str(a, str_of("0123456789012345678901234567890123456789", len));
        assert_int_equal(copy.len, len);
        assert_int_equal(copy.ptr[len], '\0');
    }
    arena_reset(a);
    char *first = arena_cstr(a, STR("first"));
    assert_non_null(arena_alloc(a, 6000));
    assert_null(arena_alloc(a, 6000));
    assert_string_equal(first, "first");
    assert_string_equal(arena_printf(a, "%s-%d", "x", 7), "x-7");
    arena_reset(a);
    assert_int_equal(arena_used(a), 0);
    assert_non_null(arena_alloc(a, 9000));
}

static void map_many(void **state) {
    (void)state;
    enum { N = 5000 };
    struct map *m = map_new(MAP_NOCASE);
    static int values[N];
    char key[32];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            snprintf(key, sizeof key, "Key-%d", i);
            assert_int_equal(map_put(m, str_from(key), &values[i], NULL), 0);
        }
        assert_int_equal(map_count(m), N);
        for (int i = 0; i < N; i++) {
            snprintf(key, sizeof key, "kEY-%d", i);
            assert_ptr_equal(map_get(m, str_from(key)), &values[i]);
        }
        size_t pos = 0, seen = 0;
        while (map_next(m, &pos, NULL, NULL)) seen++;
        assert_int_equal(seen, N);
        for (int i = 0; i < N; i++) {
            snprintf(key, sizeof key, "Key-%d", i);
            assert_ptr_equal(map_remove(m, str_from(key)), &values[i]);
        }
        assert_null(map_get(m, STR("key-1")));
    }
    map_free(m, NULL);
}

static void list_order(void **state) {
    (void)state;
    struct item {
        int n;
        struct list node;
    } items[3] = {{.n = 1}, {.n = 2}, {.n = 3}};
    struct list head = LIST_INIT(head);
    for (int i = 0; i < 3; i++) list_push_back(&head, &items[i].node);
    list_remove(&items[1].node);
    list_remove(&items[1].node);
    int sum = 0;
    list_foreach(it, &head) sum = sum * 10 + list_entry(it, struct item, node)->n;
    assert_int_equal(sum, 13);
}

static void clock_dates(void **state) {
    (void)state;
    int64_t t = 0;
    assert_int_equal(clock_from_civil(2000, 2, 29, 23, 59, 59, &t), 0);
    assert_int_equal(t, 951868799);
    assert_int_equal(clock_from_civil(1969, 12, 31, 23, 59, 59, &t), 0);
    assert_int_equal(t, -1);
    assert_int_equal(clock_from_civil(2023, 2, 29, 0, 0, 0, &t), ERR_INVALID);
    char text[CLOCK_TEXT_MAX];
    clock_imap(951868799, text);
    assert_string_equal(text, "29-Feb-2000 23:59:59 +0000");
    static const struct {
        const char *text;
        uint64_t seconds;
    } durations[] = {{"90", 90}, {"15m", 900}, {"4h", 14400}, {"3d", 259200}, {"2w", 1209600}};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        uint64_t s = 0;
        assert_int_equal(clock_parse_duration(str_from(durations[i].text), &s), 0);
        assert_int_equal(s, durations[i].seconds);
    }
    clock_format_duration(5400, text);
    assert_string_equal(text, "90m");
}

static void encode_round_trips(void **state) {
    (void)state;
    /* RFC 4648 section 10 */
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        BUF_AUTO e = BUF_INIT(64);
        BUF_AUTO d = BUF_INIT(64);
        base64_encode(&e, str_from(pairs[i][0]));
        assert_string_equal(buf_cstr(&e), pairs[i][1]);
        assert_int_equal(base64_decode(&d, buf_str(&e)), 0);
        assert_string_equal(buf_cstr(&d), pairs[i][0]);
    }
    static const char *const bad[] = {"Zg=", "Zh==", "Z===", "Zm9v=g==", "Zm 9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        BUF_AUTO d = BUF_INIT(64);
        assert_int_equal(base64_decode(&d, str_from(bad[i])), ERR_INVALID);
    }
    /* RFC 7515 appendix C, RFC 4648 section 5 */
    static const char *const url[][2] = {{"A-z_4ME", "03ecffe0c1"}, {"", ""},           {"Zg", "66"},
                                         {"Zm8", "666f"},           {"Zm9v", "666f6f"}, {"Zm9vYg", "666f6f62"}};
    static const char *const bad_url[] = {"Z", "Zh", "Zg==", "A+z_", "A/z_", "Zm9vZ", "Zm 9", "Zm9v\n"};
    for (size_t i = 0; i < sizeof url / sizeof url[0]; i++) {
        BUF_AUTO d = BUF_INIT(64);
        BUF_AUTO hex = BUF_INIT(64);
        assert_int_equal(base64url_decode(&d, str_from(url[i][0])), 0);
        hex_encode(&hex, buf_str(&d));
        assert_string_equal(buf_cstr(&hex), url[i][1]);
    }
    for (size_t i = 0; i < sizeof bad_url / sizeof bad_url[0]; i++) {
        BUF_AUTO d = BUF_INIT(64);
        assert_int_equal(base64url_decode(&d, str_from(bad_url[i])), ERR_INVALID);
    }
    BUF_AUTO h = BUF_INIT(64);
    hex_encode(&h, STR("\x01\xfe"));
    assert_string_equal(buf_cstr(&h), "01fe");
    BUF_AUTO u = BUF_INIT(64);
    percent_encode(&u, STR("a-Z.0_~ /@%\xc3\xa9"));
    assert_string_equal(buf_cstr(&u), "a-Z.0_~%20%2F%40%25%C3%A9");
    char a[IDENT_SIZE], b[IDENT_SIZE];
    ident_new(a);
    ident_new(b);
    assert_int_equal(strlen(a), IDENT_LEN);
    assert_string_not_equal(a, b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(str_numbers), cmocka_unit_test(str_searching), cmocka_unit_test(str_utf8),
        cmocka_unit_test(buf_limits),  cmocka_unit_test(arena_limits),  cmocka_unit_test(map_many),
        cmocka_unit_test(list_order),  cmocka_unit_test(clock_dates),   cmocka_unit_test(encode_round_trips),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}

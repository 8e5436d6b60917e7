/* Tests of load.c: the limits, and what is no JSON. RFC 8259. */
#include "proto/json/load.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SIZE_LIMIT = 40, DEPTH_LIMIT = 3 };

static void texts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"{}", true},
        {"[[[]]]", true},
        {"[[[[]]]]", false},
        {"{\"a\": {\"b\": [1, 2]}}", true},
        {"{\"a\": {\"b\": [{}]}}", false},
        {"[\"[[[[{{{{\"]", true},
        {"[\"\\\"[[[[\"]", true},
        {"[[], [], [], [], []]", true},
        {"{\"a\": 1, \"a\": 2}", false},
        {"[\"0123456789012345678901234567890123456\"]", false},
        {"[\"012345678901234567890123456789012345\"]", true},
        {"", false},
        {"{", false},
        {"]", false},
        {"{} {}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *j = json_text_load(str_from(cases[i].text), SIZE_LIMIT, DEPTH_LIMIT);
        if ((j != NULL) != cases[i].good) fail_msg("%s", cases[i].text);
        json_decref(j);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of preview.c and preview_text.c. RFC 8970 section 3. */
#include "imapd/preview.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void texts(void **state) {
    (void)state;
    static const struct {
        const char *in;
        bool html;
        const char *out;
    } cases[] = {
        {"", false, ""},
        {"Hello,\r\n\r\n  how are\tyou?\r\n", false, "Hello, how are you?"},
        {"> quoted\r\n--------\r\nanswer\r\n-- \r\nsignature\r\n", false, "answer"},
        {"a\xc2\xa0\xc2\xa0 b", false, "a b"},
        {"<html><head><title>x</title></head><body><p>Gr&uuml;&szlig;e</p><p>&#72;i &#x1F600;&amp;</body></html>", true,
         "Gr\xc3\xbc\xc3\x9f"
         "e Hi \xf0\x9f\x98\x80&"},
        {"<style>p { x }</style>a<!-- b -->c<br>d < e & f &bogus; <script>x", true, "ac d < e & f &bogus;"},
        {"<p", true, ""},
        {"&#xD800;x", true, "x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        BUF_AUTO out = BUF_INIT(4 * PREVIEW_CHARACTERS);
        preview_text(str_from(cases[i].in), cases[i].html, &out);
        if (strcmp(buf_cstr(&out), cases[i].out) != 0) fail_msg("%s: %s", cases[i].in, buf_cstr(&out));
    }
}

/* At most 200 characters (RFC 8970 section 3.1 wants 256 or less), never half of one. */
static void length(void **state) {
    (void)state;
    BUF_AUTO in = BUF_INIT(10000);
    BUF_AUTO out = BUF_INIT(4 * PREVIEW_CHARACTERS);
    for (int i = 0; i < 1000; i++) buf_adds(&in, "\xe2\x82\xac");
    preview_text(buf_str(&in), false, &out);
    assert_int_equal(out.error, 0);
    assert_int_equal(out.len, 3 * PREVIEW_CHARACTERS);
    assert_true(str_is_utf8(buf_str(&out)));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(length)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

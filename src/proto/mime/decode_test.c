/* Transfer decodings and charsets (RFC 2045 section 6), whole and octet by octet (IMAPPOP-06: search finds encoded
 * text). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/mime/decode.h"

#include <string.h>

enum { TEXT_MAX = 64 * 1024 };

#define BLANKS_32 "                                "
#define BLANKS_96 BLANKS_32 BLANKS_32 BLANKS_32

static const struct {
    enum mime_encoding encoding;
    const char *charset, *input, *want;
} cases[] = {
    {MIME_IDENTITY, "us-ascii", "hello\r\n", "hello\r\n"},
    {MIME_IDENTITY, "utf-8", "caf\xc3\xa9", "caf\xc3\xa9"},
    {MIME_IDENTITY, "utf-8", "caf\xc3", "caf\xef\xbf\xbd"},
    {MIME_IDENTITY, "utf-8", "\xff\xfe!", "\xef\xbf\xbd\xef\xbf\xbd!"},
    {MIME_IDENTITY, "iso-8859-1", "caf\xe9", "caf\xc3\xa9"},
    {MIME_IDENTITY, "no-such-charset", "x\xc3\xa9", "x\xc3\xa9"},
    {MIME_IDENTITY, "shift_jis", "\x82\xa0", "\xe3\x81\x82"},
    {MIME_IDENTITY, "koi8-r", "\xc4\xc1", "\xd0\xb4\xd0\xb0"},
    {MIME_BASE64, "utf-8", "aGVsbG8=", "hello"},
    {MIME_BASE64, "utf-8", "aGVs\r\nbG8=\r\n", "hello"},
    {MIME_BASE64, "utf-8", "aGVsbG8", "hello"},
    {MIME_BASE64, "utf-8", "aGk=aGk=", "hihi"},
    {MIME_BASE64, "utf-8", "w6k=", "\xc3\xa9"},
    {MIME_BASE64, "iso-2022-jp", "GyRCJCIbKEI=", "\xe3\x81\x82"},
    {MIME_QUOTED_PRINTABLE, "utf-8", "caf=C3=a9", "caf\xc3\xa9"},
    {MIME_QUOTED_PRINTABLE, "utf-8", "soft=\r\n break", "soft break"},
    {MIME_QUOTED_PRINTABLE, "utf-8", "soft= \t\r\nbreak", "softbreak"},
    {MIME_QUOTED_PRINTABLE, "utf-8", "bad=zz =4", "bad=zz =4"},
    {MIME_QUOTED_PRINTABLE, "utf-8", "==41=", "=A="},
    {MIME_QUOTED_PRINTABLE, "utf-8", "a" BLANKS_96, "a"},
    {MIME_QUOTED_PRINTABLE, "utf-8", "a" BLANKS_96 "  ", "a" BLANKS_96 "  "},
    {MIME_QUOTED_PRINTABLE, "utf-8", "a" BLANKS_96 " \r\nb" BLANKS_32 "\r\nc", "a" BLANKS_96 " \r\nb\r\nc"},
    {MIME_UUENCODE, "us-ascii", "x\r\nbegin 644 f\r\n%:&5L;&\\ \r\n`\r\nend\r\n", "hello"},
};

static void decoding(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str in = str_from(cases[i].input);
        for (size_t step = in.len; step > 0; step = step == 1 ? 0 : step / 2) {
            struct mime_text_decoder d;
            BUF_AUTO out = BUF_INIT(TEXT_MAX);
            mime_text_decoder_init(&d, cases[i].encoding, str_from(cases[i].charset));
            for (size_t at = 0; at < in.len; at += step) {
                mime_text_decoder_feed(&d, str_sub(in, at, step), at + step >= in.len, &out);
            }
            if (!str_eq(buf_str(&out), str_from(cases[i].want))) {
                print_error("case %zu by %zu: %.*s\n", i, step, STR_ARG(buf_str(&out)));
            }
            assert_true(str_eq(buf_str(&out), str_from(cases[i].want)));
        }
    }
}

static void forms(void **state) {
    (void)state;
    static const struct {
        const char *header;
        bool is_text;
        enum mime_encoding encoding;
        const char *charset;
    } form_cases[] = {
        {"", true, MIME_IDENTITY, "us-ascii"},
        {"Content-Type: text/html; charset=\"UTF-8\"\r\nContent-Transfer-Encoding: Base64\r\n", true, MIME_BASE64,
         "UTF-8"},
        {"Content-Type: image/png\r\nContent-Transfer-Encoding: quoted-printable\r\n", false, MIME_QUOTED_PRINTABLE,
         "us-ascii"},
        {"Content-Type: junk\r\n", true, MIME_IDENTITY, "us-ascii"},
    };
    for (size_t i = 0; i < sizeof form_cases / sizeof form_cases[0]; i++) {
        struct mime_text_form f;
        mime_text_form(str_from(form_cases[i].header), &f);
        assert_int_equal(f.is_text, form_cases[i].is_text);
        assert_int_equal(f.encoding, form_cases[i].encoding);
        assert_string_equal(f.charset, form_cases[i].charset);
    }
}

static void octets_stay_octets(void **state) {
    (void)state;
    struct mime_text_decoder d;
    BUF_AUTO out = BUF_INIT(TEXT_MAX);
    mime_octets_decoder_init(&d, MIME_BASE64);
    mime_text_decoder_feed(&d, STR("/wD+"), true, &out);
    assert_int_equal(out.len, 3);
    assert_memory_equal(out.ptr, "\xff\x00\xfe", 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding),
        cmocka_unit_test(forms),
        cmocka_unit_test(octets_stay_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of data_decode.c and data_encode.c: RFC 5321 sections 2.3.8, 4.1.1.4 and 4.5.2; no smuggling. */
#include "proto/smtp/data.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct outcome {
    struct buf text;
    bool ended;
    unsigned bare;
    size_t left; /* input behind the end */
};

static void decode(struct str in, size_t step, bool dots, bool fix, struct outcome *out) {
    struct smtp_decoder d;
    if (dots)
        smtp_decoder_init_data(&d, fix);
    else
        smtp_decoder_init_bdat(&d, fix);
    memset(out, 0, sizeof *out);
    buf_init(&out->text, 100000);
    for (size_t fed = 0; fed < in.len && !out->ended;) {
        struct str piece = str_sub(in, fed, step);
        fed += piece.len;
        for (;;) {
            size_t used = 0;
            struct str span;
            enum smtp_data_event event = smtp_decoder_next(&d, piece, &used, &span);
            buf_add(&out->text, span);
            piece = str_sub(piece, used, piece.len);
            out->ended = event == SMTP_DATA_END;
            if (event != SMTP_DATA_SPAN) break;
        }
        out->left = in.len - fed + piece.len;
    }
    if (!dots) buf_add(&out->text, smtp_decoder_finish(&d));
    out->bare = d.bare;
}

static void data(void **state) {
    (void)state;
    enum { CR = SMTP_BARE_CR, LF = SMTP_BARE_LF };
    static const struct {
        const char *in, *kept, *fixed;
        bool ended;
        unsigned bare;
        const char *left;
    } cases[] = {
        {".\r\n", "", "", true, 0, ""},
        {"a\r\n.\r\n", "a\r\n", "a\r\n", true, 0, ""},
        {"a\r\n.\r\nQUIT\r\n", "a\r\n", "a\r\n", true, 0, "QUIT\r\n"},
        {"a\r\n\r\nb\r\n.\r\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n", true, 0, ""},
        {"..\r\n.\r\n", ".\r\n", ".\r\n", true, 0, ""},
        {"a\r\n..b\r\n.c\r\n.\r\n", "a\r\n.b\r\nc\r\n", "a\r\n.b\r\nc\r\n", true, 0, ""},
        {"a.b\r\na.\r\n.\r\n", "a.b\r\na.\r\n", "a.b\r\na.\r\n", true, 0, ""},
        {"a", "a", "a", false, 0, ""},
        {"a\r\n.", "a\r\n", "a\r\n", false, 0, ""},
        /* every way to write an end that is none */
        {"a\n.\n", "a\n.\n", "a\r\n.\r\n", false, LF, ""},
        {"a\n.\r\n", "a\n.\r\n", "a\r\n.\r\n", false, LF, ""},
        {"a\r\n.\n", "a\r\n\n", "a\r\n\r\n", false, LF, ""},
        {"a\r.\r", "a\r.", "a\r\n.", false, CR, ""},
        {"a\r.\r\n", "a\r.\r\n", "a\r\n.\r\n", false, CR, ""},
        {"a\r\n.\rb", "a\r\n\rb", "a\r\n\r\nb", false, CR, ""},
        {"a\r.\n", "a\r.\n", "a\r\n.\r\n", false, CR | LF, ""},
        {"a\n.\rb", "a\n.\rb", "a\r\n.\r\nb", false, CR | LF, ""},
        {"a\n\n.\r\n", "a\n\n.\r\n", "a\r\n\r\n.\r\n", false, LF, ""},
        {"a\n\r.\r\n", "a\n\r.\r\n", "a\r\n\r\n.\r\n", false, CR | LF, ""},
        {"a\r\n\n.\r\n", "a\r\n\n.\r\n", "a\r\n\r\n.\r\n", false, LF, ""},
        {"a\r\n.\r.\r\n", "a\r\n\r.\r\n", "a\r\n\r\n.\r\n", false, CR, ""},
        {"a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n", "a\r\n\r\n\r\n", true, CR, ""},
        /* CR CRLF "." CRLF does hold a CRLF before the dot */
        {"a\r\r\n.\r\n", "a\r\r\n", "a\r\n\r\n", true, CR, ""},
        {"\n.\r\n", "\n.\r\n", "\r\n.\r\n", false, LF, ""},
        {".\n", "\n", "\r\n", false, LF, ""},
        {"a\n.\r\nb\r\n.\r\nRSET\r\n", "a\n.\r\nb\r\n", "a\r\n.\r\nb\r\n", true, LF, "RSET\r\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t step = 1; step <= 40; step++)
            for (int fix = 0; fix < 2; fix++) {
                struct outcome o;
                decode(str_from(cases[i].in), step, true, fix, &o);
                assert_string_equal(buf_cstr(&o.text), fix ? cases[i].fixed : cases[i].kept);
                assert_int_equal(o.ended, cases[i].ended);
                assert_int_equal(o.bare, cases[i].bare);
                if (o.ended) assert_int_equal(o.left, strlen(cases[i].left));
                buf_done(&o.text);
            }
}

/* RFC 3030: in chunks no dot is special, and a body may end anywhere. */
static void chunks(void **state) {
    (void)state;
    static const struct {
        const char *in, *kept, *fixed;
        unsigned bare;
    } cases[] = {
        {"a\r\n.\r\n", "a\r\n.\r\n", "a\r\n.\r\n", 0},
        {"..a", "..a", "..a", 0},
        {"a\r", "a\r", "a\r\n", SMTP_BARE_CR},
        {"a\n.\n", "a\n.\n", "a\r\n.\r\n", SMTP_BARE_LF},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t step = 1; step <= 10; step++)
            for (int fix = 0; fix < 2; fix++) {
                struct outcome o;
                decode(str_from(cases[i].in), step, false, fix, &o);
                assert_string_equal(buf_cstr(&o.text), fix ? cases[i].fixed : cases[i].kept);
                assert_false(o.ended);
                assert_int_equal(o.bare, cases[i].bare);
                buf_done(&o.text);
            }
}

static void encode(struct str in, size_t step, struct buf *out) {
    struct smtp_encoder e;
    smtp_encoder_init(&e);
    for (size_t fed = 0; fed < in.len;) {
        struct str piece = str_sub(in, fed, step);
        fed += piece.len;
        size_t used;
        struct str span;
        while (smtp_encoder_next(&e, piece, &used, &span)) {
            buf_add(out, span);
            piece = str_sub(piece, used, piece.len);
        }
    }
    buf_add(out, smtp_encoder_finish(&e));
}

static void encoding(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ".\r\n"},
        {"a\r\n", "a\r\n.\r\n"},
        {"a", "a\r\n.\r\n"},
        {"a\r", "a\r\n.\r\n"},
        {"a\n", "a\r\n.\r\n"},
        {".", "..\r\n.\r\n"},
        {".\r\n..\r\na.\r\n", "..\r\n...\r\na.\r\n.\r\n"},
        {"a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"},
        {"a\r.\rb\r\n", "a\r\n..\r\nb\r\n.\r\n"},
        {"a\r\r\n.", "a\r\n\r\n..\r\n.\r\n"},
        {"\r\n\r\n.x\r\n", "\r\n\r\n..x\r\n.\r\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t step = 1; step <= 20; step++) {
            BUF_AUTO out = BUF_INIT(1000);
            encode(str_from(cases[i].in), step, &out);
            assert_string_equal(buf_cstr(&out), cases[i].out);
        }
}

/* All strings of up to seven of these four characters: what is encoded decodes to its fixed form, ends at its end and
 * not before; and the input decoded directly never ends but at CRLF "." CRLF. */
static void exhaustive(void **state) {
    (void)state;
    static const char alphabet[] = "\r\n.a";
    char text[8];
    for (size_t len = 0; len <= 7; len++)
        for (unsigned n = 0; n < 1u << (2 * len); n++) {
            for (size_t i = 0; i < len; i++) text[i] = alphabet[n >> (2 * i) & 3];
            struct str in = str_of(text, len);
            BUF_AUTO wire = BUF_INIT(1000);
            encode(in, 3, &wire);
            struct outcome o, direct, fixed;
            decode(buf_str(&wire), 2, true, false, &o);
            decode(in, SIZE_MAX, false, true, &fixed);
            decode(in, 1, true, false, &direct);
            assert_true(o.ended && o.left == 0 && o.bare == 0);
            if (fixed.text.len > 0 && !str_ends(buf_str(&fixed.text), STR("\r\n"))) buf_adds(&fixed.text, "\r\n");
            assert_string_equal(buf_cstr(&o.text), buf_cstr(&fixed.text));
            bool end = str_starts(in, STR(".\r\n")) || str_find_str(in, STR("\r\n.\r\n")) != STR_NPOS;
            assert_int_equal(direct.ended, end);
            buf_done(&o.text);
            buf_done(&direct.text);
            buf_done(&fixed.text);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(data), cmocka_unit_test(chunks), cmocka_unit_test(encoding),
                                       cmocka_unit_test(exhaustive)};
    return cmocka_run_group_tests_name("smtp data", tests, NULL, NULL);
}

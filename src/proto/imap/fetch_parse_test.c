/* Tests of fetch_parse.c. RFC 9051 section 6.4.5. */
#include "proto/imap/fetch_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void items(void **state) {
    (void)state;
    static const struct {
        const char *in;
        int items; /* -1: syntax error */
        const char *labels;
        bool seen;
    } cases[] = {
        {"FLAGS", IMAP_FETCH_FLAGS, "", false},
        {"fast", IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SIZE, "", false},
        {"(UID FLAGS MODSEQ)", IMAP_FETCH_UID | IMAP_FETCH_FLAGS | IMAP_FETCH_MODSEQ, "", false},
        {"(BODY BODYSTRUCTURE)", IMAP_FETCH_BODY | IMAP_FETCH_BODYSTRUCTURE, "", false},
        {"BODY[]", 0, "BODY[]", true},
        {"BODY.PEEK[]<5.10>", 0, "BODY[]<5>", false},
        {"BODY[TEXT]", 0, "BODY[TEXT]", true},
        {"body.peek[1.2.mime]", 0, "BODY[1.2.MIME]", false},
        {"BODY[1.2.HEADER.FIELDS (From \"x y\" {2}\r\nTo)]", 0, "BODY[1.2.HEADER.FIELDS (From \"x y\" To)]", true},
        {"BODY[HEADER.FIELDS.NOT (X)]<0.1>", 0, "BODY[HEADER.FIELDS.NOT (X)]<0>", true},
        {"(RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE)", IMAP_FETCH_SIZE, "RFC822,RFC822.HEADER,RFC822.TEXT", true},
        {"(BINARY[1] BINARY.PEEK[2]<1.2> BINARY.SIZE[3])", 0, "BINARY[1],BINARY[2]<1>,BINARY.SIZE[3]", true},
        {"(ENVELOPE INTERNALDATE SAVEDATE)", IMAP_FETCH_ENVELOPE | IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SAVEDATE, "",
         false},
        {"(FLAGS  UID)", IMAP_FETCH_UID | IMAP_FETCH_FLAGS, "", false}, /* more blanks than one */
        {"()", -1, NULL, false},
        {"(FLAGS", -1, NULL, false},
        {"FLAGSX", -1, NULL, false},
        {"(FAST)", -1, NULL, false},
        {"BODY[MIME]", -1, NULL, false},
        {"BODY[0]", -1, NULL, false},
        {"BODY[1.]", -1, NULL, false},
        {"BODY[1TEXT]", -1, NULL, false},
        {"BODY[TEXT", -1, NULL, false},
        {"BODY[]<1>", -1, NULL, false},
        {"BODY[]<1.0>", -1, NULL, false},
        {"BODY[HEADER.FIELDS]", -1, NULL, false},
        {"BODY[HEADER.FIELDS ()]", -1, NULL, false},
        {"BINARY[1.TEXT]", -1, NULL, false},
        {"BINARY.SIZE[1]<0.1>", -1, NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = arena_new(65536);
        struct imap_args a = {.rest = str_from(cases[i].in), .arena = arena};
        struct imap_fetch f;
        int rc = imap_fetch_parse(&a, &f);
        bool ok = rc == 0 && imap_args_end(&a);
        if (ok != (cases[i].items >= 0)) fail_msg("%s: %d", cases[i].in, rc);
        if (!ok) continue;
        assert_int_equal(f.items, cases[i].items);
        assert_int_equal(f.sets_seen, cases[i].seen);
        BUF_AUTO b = BUF_INIT(1000);
        for (struct imap_fetch_body *p = f.body; p != NULL; p = p->next) {
            if (b.len > 0) buf_addc(&b, ',');
            buf_add(&b, p->label);
        }
        assert_string_equal(buf_cstr(&b), cases[i].labels);
    }
}

static void modifiers(void **state) {
    (void)state;
    struct imap_args a = {.rest = STR(" (CHANGEDSINCE 12345 VANISHED)")};
    struct imap_fetch_modifiers m;
    assert_int_equal(imap_fetch_parse_modifiers(&a, &m), 0);
    assert_true(m.has_changed_since && m.changed_since == 12345 && m.vanished && a.rest.len == 0);
    a.rest = STR(" (CHANGEDSINCE)");
    assert_int_equal(imap_fetch_parse_modifiers(&a, &m), ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(items), cmocka_unit_test(modifiers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

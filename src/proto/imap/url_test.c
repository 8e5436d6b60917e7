/* Tests of url.c and envelope.c: RFC 5092, RFC 4467 section 3, RFC 9051 section 7.5.2. */
#include "proto/imap/envelope.h"
#include "proto/imap/url_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void urls(void **state) {
    (void)state;
    static const struct {
        const char *in;
        int rc;
        const char *user, *mailbox;
        unsigned validity, uid;
        size_t path;
        uint64_t offset, length;
        const char *access, *mechanism;
    } cases[] = {
        {"/INBOX;UIDVALIDITY=785799047/;UID=113330/;SECTION=1.5.9", 0, "", "INBOX", 785799047, 113330, 3, 0, 0, NULL,
         ""},
        {"/Gr%C3%BCn/;UID=7;SECTION=2;PARTIAL=5.10", 0, "", "Gr\xc3\xbcn", 0, 7, 1, 5, 10, NULL, ""},
        {";UID=20/;SECTION=1.MIME", 0, "", "", 0, 20, 1, 0, 0, NULL, ""},
        {"/;UID=20", 0, "", "", 0, 20, 0, 0, 0, NULL, ""},
        {"imap://lisa@mail.example.org:143/inbox;uidvalidity=3/;uid=2", 0, "lisa", "INBOX", 3, 2, 0, 0, 0, NULL, ""},
        {"imap://lisa@[::1]/a/b/;UID=2/;SECTION=TEXT;EXPIRE=2026-11-21T07:24:00Z;URLAUTH=user+fred", 0, "lisa", "a/b",
         0, 2, 0, 0, 0, "user+fred", ""},
        {"imap://u@h/a/;UID=2;URLAUTH=anonymous:internal:91354a", 0, "u", "a", 0, 2, 0, 0, 0, "anonymous", "internal"},
        {"", ERR_INVALID},
        {"/", ERR_INVALID},
        {"http://x/", ERR_INVALID},
        {"imap://host", ERR_INVALID},
        {"/INBOX/;UID=0", ERR_INVALID},
        {"/INBOX/;UID=x", ERR_INVALID},
        {"/INBOX/;UID=1/;SECTION=0", ERR_INVALID},
        {"/INBOX/;UID=1/;SECTION=1/;PARTIAL=1.0", ERR_INVALID},
        {"/INBOX/;UID=1/;FOO=1", ERR_INVALID},
        {"/IN%0ABOX/;UID=1", ERR_INVALID},
        {"/IN%4/;UID=1", ERR_INVALID},
        {"/%ff/;UID=1", ERR_INVALID},
        {"/INBOX/;UID=1;EXPIRE=2026-11-21T07:24:00Z", ERR_INVALID},
        {"/INBOX/;UID=1;EXPIRE=2026-11-21;URLAUTH=anonymous", ERR_INVALID},
        {"/INBOX/;UID=1;URLAUTH=", ERR_INVALID},
        {"/INBOX/;UID=1;URLAUTH=anonymous:internal", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = arena_new(65536);
        struct imap_url u;
        int rc = imap_url_parse(str_from(cases[i].in), arena, &u);
        if (rc != cases[i].rc) fail_msg("%s: %d", cases[i].in, rc);
        if (rc != 0) continue;
        assert_true(str_eq(u.user, str_from(cases[i].user)) && str_eq(u.mailbox, str_from(cases[i].mailbox)));
        assert_int_equal(u.uidvalidity, cases[i].validity);
        assert_int_equal(u.uid, cases[i].uid);
        assert_int_equal(u.section.path_len, cases[i].path);
        assert_true(u.section.offset == cases[i].offset && u.section.length == cases[i].length);
        assert_int_equal(u.has_access, cases[i].access != NULL);
        if (u.has_access) assert_true(str_eq(u.access, str_from(cases[i].access)));
        assert_true(str_eq(u.mechanism, str_from(cases[i].mechanism)));
    }
}

static void envelopes(void **state) {
    (void)state;
    static const char good[] = "(\"Mon, 1\" {3}\r\na\"b ((\"N\" NIL \"m\" \"h\")(NIL NIL \"o\" \"h\")) NIL NIL ((NIL "
                               "NIL \"team\" NIL)(NIL NIL "
                               "\"x\" \"y\")(NIL NIL NIL NIL)) NIL NIL \"<r@s>\" NIL)";
    ARENA_AUTO arena = arena_new(65536);
    struct imap_envelope e;
    assert_int_equal(imap_envelope_parse(str_from(good), arena, &e), 0);
    assert_true(str_eq(e.subject, STR("a\"b")) && str_eq(e.in_reply_to, STR("<r@s>")) && e.message_id.len == 0);
    assert_true(str_eq(e.from.name, STR("N")) && str_eq(e.from.mailbox, STR("m")) && str_eq(e.from.host, STR("h")));
    assert_true(str_eq(e.to.mailbox, STR("team")) && e.cc.mailbox.len == 0);
    for (size_t n = 0; n + 1 < sizeof good; n++)
        assert_int_equal(imap_envelope_parse(str_of(good, n), arena, &e), ERR_INVALID);
}

static void accounts(void **state) {
    (void)state;
    static const struct {
        const char *url, *address;
        bool is;
    } cases[] = {
        {"imap://lisa%40example.test@mail.example.test/a/;UID=2", "lisa@example.test", true},
        {"imap://Lisa%40EXAMPLE.test@MAIL.example.test/a/;UID=2", "lisa@example.test", true},
        {"imap://lisa@example.test/a/;UID=2", "lisa@example.test", true},
        {"imap://lisa@Example.Test:143/a/;UID=2", "lisa@example.test", true},
        {"imap://lisa@mail.example.test/a/;UID=2", "lisa@example.test", false},
        {"imap://lisa@other.test/a/;UID=2", "lisa@example.test", false},
        {"imap://lis@example.test/a/;UID=2", "lisa@example.test", false},
        {"imap://bart%40example.test@mail.example.test/a/;UID=2", "lisa@example.test", false},
        {"imap://lisa%40example.test@example.test/a/;UID=2", "lisa@example.test", false},
        {"imap://mail.example.test/a/;UID=2", "lisa@example.test", false},
        {"/a/;UID=2", "lisa@example.test", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = arena_new(8192);
        struct imap_url u;
        assert_int_equal(imap_url_parse(str_from(cases[i].url), arena, &u), 0);
        if (imap_url_is_of(&u, STR("mail.example.test"), str_from(cases[i].address)) != cases[i].is)
            fail_msg("%s", cases[i].url);
    }
}

/* RFC 4467 sections 3, 7 and 8; RFC 4468 section 3.3. */
static void access(void **state) {
    (void)state;
    static const struct {
        const char *access;
        bool reads, sends;
    } cases[] = {
        {"anonymous", true, true},
        {"AuthUser", true, true},
        {"user+lisa@example.test", true, true},
        {"user+Lisa@Example.Test", true, true},
        {"user+lisa%40example.test", true, true},
        {"User+bart%40example.test", false, false},
        {"submit+lisa%40example%2Etest", false, true},
        {"user+bart@example.test", false, false},
        {"user+", false, false},
        {"submit+lisa@example.test", false, true},
        {"submit+bart@example.test", false, false},
        {"submit+lisa%40example.test", false, true}, /* "@" is none of enc-user's own */
        {"user+lisa%40example.test", true, true},
        {"submit+lisa%2540example.test", false, false},
        {"submit+", false, false},
        {"stream", false, false},
    };
    static const char key[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    char token[URL_TOKEN_MAX], first[URL_TOKEN_MAX] = "";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO arena = arena_new(8192);
        BUF_AUTO text = BUF_INIT(400);
        struct imap_url u;
        buf_printf(&text, "imap://lisa@example.test/a/;UID=2;URLAUTH=%s:internal:00", cases[i].access);
        assert_int_equal(imap_url_parse(buf_str(&text), arena, &u), 0);
        if (imap_url_may_use(&u, STR("lisa@example.test"), false) != cases[i].reads) fail_msg("%s", cases[i].access);
        if (imap_url_may_use(&u, STR("lisa@example.test"), true) != cases[i].sends) fail_msg("%s", cases[i].access);
        assert_int_equal(imap_url_token(&u, str_of(key, 63), token), ERR_CORRUPT);
        assert_int_equal(imap_url_token(&u, str_from(key), token), 0);
        assert_int_equal(strlen(token), 64);
        assert_string_not_equal(token, first);
        memcpy(first, token, sizeof first);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(urls), cmocka_unit_test(accounts), cmocka_unit_test(access),
                                       cmocka_unit_test(envelopes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

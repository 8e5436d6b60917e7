/* The summary of whole messages (RFC 2045, RFC 2046, RFC 9051 section 7.5.2; STORE-02). Each
 * message is fed whole, octet by octet and in random pieces: the results must be the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/mime/summary.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_PLAIN "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "

struct message_case {
    const char *name, *message, *structure;
};

static const struct message_case cases[] = {
    {"empty message", "", "(" TEXT_PLAIN "0 0 NIL NIL NIL NIL)"},
    {"header only", "Subject: a\r\n", "(" TEXT_PLAIN "0 0 NIL NIL NIL NIL)"},
    {"no header", "\r\nhello\r\n", "(" TEXT_PLAIN "7 1 NIL NIL NIL NIL)"},
    {"plain", "Subject: a\r\n\r\none\r\ntwo", "(" TEXT_PLAIN "8 1 NIL NIL NIL NIL)"},
    {"bare line feeds end lines", "Subject: a\n\none\ntwo\n", "(" TEXT_PLAIN "8 2 NIL NIL NIL NIL)"},
    {"two parts",
     "Content-Type: multipart/mixed; boundary=cut\r\n\r\npreamble\r\n--cut\r\n\r\nfirst\r\n--cut\r\n"
     "Content-Type: text/html; charset=utf-8\r\nContent-Language: de, en\r\n\r\n<p>\r\n\r\n--cut--\r\nepilogue\r\n",
     "((" TEXT_PLAIN "5 0 NIL NIL NIL NIL)(\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 5 1 NIL NIL "
     "(\"de\" \"en\") NIL) \"mixed\" (\"boundary\" \"cut\") NIL NIL NIL)"},
    {"no final boundary", "Content-Type: multipart/mixed; boundary=cut\r\n\r\n--cut\r\n\r\nfirst\r\nsecond\r\n",
     "((" TEXT_PLAIN "15 2 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"cut\") NIL NIL NIL)"},
    {"inner multipart ended by the outer boundary",
     "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/mixed; "
     "boundary=i\r\n\r\n--i\r\n\r\na\r\n"
     "--o\r\n\r\nb\r\n--o--\r\n",
     "(((" TEXT_PLAIN "1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"i\") NIL NIL NIL)(" TEXT_PLAIN
     "1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"o\") NIL NIL NIL)"},
    {"digest parts are messages",
     "Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: x\r\n\r\nhi\r\n--d--\r\n",
     "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 16 (NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL) (" TEXT_PLAIN
     "2 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL) \"digest\" (\"boundary\" \"d\") NIL NIL NIL)"},
    {"boundary lines count by their beginning; the longest boundary is meant",
     "Content-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\nContent-Type: multipart/mixed; "
     "boundary=abc\r\n\r\n--abc  \r\n\r\n1\r\n"
     "--abc--\r\n--abz\r\n\r\n2\r\n--ab--",
     "(((" TEXT_PLAIN "1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"abc\") NIL NIL NIL)(" TEXT_PLAIN
     "1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"ab\") NIL NIL NIL)"},
    {"empty parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n\r\n--b\r\nX: y\r\n--b--\r\n",
     "((" TEXT_PLAIN "0 0 NIL NIL NIL NIL)(" TEXT_PLAIN "0 0 NIL NIL NIL NIL)(" TEXT_PLAIN
     "0 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"},
    {"multipart without parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing\r\n--b--\r\n",
     "((" TEXT_PLAIN "0 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"},
    {"multipart without a boundary parameter", "Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\ntext\r\n",
     "((" TEXT_PLAIN "0 0 NIL NIL NIL NIL) \"mixed\" NIL NIL NIL NIL)"},
    {"a closed boundary is text again",
     "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\nnot a part\r\n",
     "((" TEXT_PLAIN "3 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"},
    {"folded and quoted boundary",
     "Content-Type: multipart/mixed;\r\n\tboundary=\"a b;c\"\r\n\r\n--a b;c\r\n\r\nx\r\n--a b;c--\r\n",
     "((" TEXT_PLAIN "1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"a b;c\") NIL NIL NIL)"},
    {"lines of a message part are those of header and body",
     "Content-Type: message/rfc822\r\n\r\nSubject: in\r\nX: y\r\n\r\na\r\nb\r\n",
     "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 27 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) (" TEXT_PLAIN
     "6 2 NIL NIL NIL NIL) 5 NIL NIL NIL NIL)"},
    {"a message that ends with its header keeps the empty line",
     "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: "
     "in\r\n\r\n--b--\r\n",
     "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 15 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) (" TEXT_PLAIN
     "0 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"},
    {"all fields of a part",
     "Content-Type: APPLICATION/Pdf; name=\"a.pdf\"\r\nContent-ID: <1@x>\r\nContent-Description: a \"file\"\r\n"
     "Content-Transfer-Encoding: Base64 (c)\r\nContent-MD5: Q2hlY2s=\r\nContent-Location: http://x.example/a\r\n"
     "Content-Language: de\r\nContent-Disposition: attachment; filename=a.pdf; size=4\r\n\r\nAAAA",
     "(\"APPLICATION\" \"Pdf\" (\"name\" \"a.pdf\") \"<1@x>\" \"a \\\"file\\\"\" \"Base64\" 4 \"Q2hlY2s=\" "
     "(\"attachment\" (\"filename\" \"a.pdf\" \"size\" \"4\")) (\"de\") \"http://x.example/a\")"},
    {"malformed type is text/plain, malformed encoding is 7bit",
     "Content-Type: (nothing); charset=utf-8\r\nContent-Transfer-Encoding: base64; x\r\nContent-Disposition: \r\n\r\n",
     "(" TEXT_PLAIN "0 0 NIL NIL NIL NIL)"},
    {"the first Content-Type counts", "Content-Type: text/html\r\nContent-Type: image/png\r\n\r\n",
     "(\"text\" \"html\" NIL NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)"},
    {"octets above 0x7f are literals", "Content-Description: \xc3\xa9\r\nContent-Type: image/png\r\n\r\n",
     "(\"image\" \"png\" NIL NIL {2}\r\n\xc3\xa9 \"7bit\" 0 NIL NIL NIL NIL)"},
    {"dashes that are no boundary",
     "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n-\r\n--\r\n--a\r\n---b\r\n-",
     "((" TEXT_PLAIN "19 4 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"},
    {"bare line feeds around boundaries",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n\n--b\n\ntwo\n--b--\n",
     "((" TEXT_PLAIN "4 1 NIL NIL NIL NIL)(" TEXT_PLAIN
     "3 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"},
    {"a carriage return alone ends nothing", "Subject: a\rb\r\n\r\nx\r--\ry", "(" TEXT_PLAIN "6 0 NIL NIL NIL NIL)"},
};

static const struct message_case envelope_cases[] = {
    {"none", "", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"},
    {"all",
     "Date: d\r\nSubject: s\r\nFrom: F <f@x>\r\nSender: s@x\r\nReply-To: r@x\r\nTo: t@x, u@x\r\nCc: c@x\r\nBcc: b@x\r\n"
     "In-Reply-To: <i@x>\r\nMessage-ID: <m@x>\r\n\r\n",
     "(\"d\" \"s\" ((\"F\" NIL \"f\" \"x\")) ((NIL NIL \"s\" \"x\")) ((NIL NIL \"r\" \"x\")) ((NIL NIL \"t\" "
     "\"x\")(NIL NIL "
     "\"u\" \"x\")) ((NIL NIL \"c\" \"x\")) ((NIL NIL \"b\" \"x\")) \"<i@x>\" \"<m@x>\")"},
    {"Sender and Reply-To default to From", "From: f@x\r\nReply-To: \r\n\r\n",
     "(NIL NIL ((NIL NIL \"f\" \"x\")) ((NIL NIL \"f\" \"x\")) ((NIL NIL \"f\" \"x\")) NIL NIL NIL NIL NIL)"},
    {"group", "To: g: a@x;\r\n\r\n",
     "(NIL NIL NIL NIL NIL ((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"x\")(NIL NIL NIL NIL)) NIL NIL NIL NIL)"},
    {"several fields of addresses are one list, of others the last counts",
     "To: a@x\r\nSubject: 1\r\nTO: b@x\r\nSUBJECT: 2\r\n",
     "(NIL \"2\" NIL NIL NIL ((NIL NIL \"a\" \"x\")(NIL NIL \"b\" \"x\")) NIL NIL NIL NIL)"},
    {"folded subject", "Subject: one\r\n two\r\n\tthree \r\n\r\n",
     "(NIL \"one two\tthree\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
    {"empty subject", "Subject:\r\n\r\n", "(NIL \"\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
    {"address without a domain", "To: ann\r\n\r\n", "(NIL NIL NIL NIL NIL ((NIL NIL \"ann\" \"\")) NIL NIL NIL NIL)"},
    {"UTF-8", "Subject: \xc3\xa9\r\n\r\n", "(NIL {2}\r\n\xc3\xa9 NIL NIL NIL NIL NIL NIL NIL NIL)"},
    {"lines that are no fields", "nonsense\r\nSubject: s\r\nmore nonsense\r\n folded\r\n\r\n",
     "(NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
};

static void finish(struct summary_builder *b, struct buf *out) {
    assert_non_null(b);
    assert_int_equal(summary_builder_finish(b, out), 0);
    summary_builder_free(b);
}

static void check_same(const char *name, struct str want, struct buf *got) {
    if (!str_eq(want, buf_str(got))) print_error("%s: differs when fed in pieces\n", name);
    assert_true(str_eq(want, buf_str(got)));
    buf_clear(got);
}

static void feed_in_pieces(struct summary_builder *b, struct str message, unsigned step, bool at_random) {
    for (size_t i = 0; i < message.len;) {
        size_t n = at_random ? 1 + (size_t)rand() % 40 : step;
        struct str piece = str_sub(message, i, n);
        char *copy = malloc(piece.len + 1); /* so that a view kept beyond the call is found by the sanitizer */
        memcpy(copy, piece.ptr, piece.len);
        summary_builder_feed(b, str_of(copy, piece.len));
        free(copy);
        i += piece.len;
    }
}

static void summarize(const char *name, struct str message, struct buf *out) {
    struct summary_builder *b = summary_builder_new();
    summary_builder_feed(b, message);
    finish(b, out);
    BUF_AUTO again = BUF_INIT(SUMMARY_MAX);
    for (unsigned round = 0; round < 12; round++) {
        b = summary_builder_new();
        feed_in_pieces(b, message, 1 + round, round > 4);
        finish(b, &again);
        check_same(name, buf_str(out), &again);
    }
}

static void parse(struct buf *bytes, struct summary *s) {
    assert_int_equal(summary_parse(buf_str(bytes), s), 0);
}

static void expect(const char *name, struct str got, const char *want) {
    if (!str_eq(got, str_from(want))) print_error("%s:\n got %.*s\nwant %s\n", name, STR_ARG(got), want);
    assert_true(str_eq(got, str_from(want)));
}

static void structures(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO bytes = BUF_INIT(SUMMARY_MAX);
        struct summary s;
        summarize(cases[i].name, str_from(cases[i].message), &bytes);
        parse(&bytes, &s);
        expect(cases[i].name, s.bodystructure, cases[i].structure);
    }
}

static void envelopes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof envelope_cases / sizeof envelope_cases[0]; i++) {
        BUF_AUTO bytes = BUF_INIT(SUMMARY_MAX);
        struct summary s;
        summarize(envelope_cases[i].name, str_from(envelope_cases[i].message), &bytes);
        parse(&bytes, &s);
        expect(envelope_cases[i].name, s.envelope, envelope_cases[i].structure);
    }
}

static void facts(void **state) {
    (void)state;
    static const char message[] = "Received: by x\r\nReceived: by y\r\nDate: Sat, 21 Nov 2026 07:24:00 +0000\r\n"
                                  "From: \xc3\xa9 <e@x.example>\r\nSubject: Re: [l] topic\r\nMessage-ID: < a @ b >\r\n"
                                  "Content-Disposition: attachment\r\n\r\nbody\n\xff\r\n";
    BUF_AUTO bytes = BUF_INIT(SUMMARY_MAX);
    struct summary s;
    summarize("facts", str_from(message), &bytes);
    parse(&bytes, &s);
    assert_int_equal(s.flags, SUMMARY_8BIT | SUMMARY_HEADER_UTF8 | SUMMARY_ATTACHMENT | SUMMARY_BARE_LF);
    assert_int_equal(s.received, 2);
    assert_int_equal(s.header_len, sizeof message - 1 - 8);
    assert_int_equal(s.lines, 2);
    assert_true(s.date == 1795245840);
    expect("message-id", s.message_id, "<a@b>");
    expect("base subject", s.base_subject, "topic");
    expect("from", s.from, "e@x.example");
    expect("body", s.body, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 8 2)");
    BUF_AUTO nul = BUF_INIT(SUMMARY_MAX);
    summarize("nul", str_of("A: b\r\n\r\n\0", 9), &nul);
    parse(&nul, &s);
    assert_int_equal(s.flags, SUMMARY_NUL);
    assert_true(s.date == INT64_MIN);
}

/* RFC 9051 section 6.4.5.1: the numbers of sections, with messages in messages */
static const char nested[] = "Content-Type: multipart/mixed; boundary=o\r\n\r\n"
                             "--o\r\nX: 1\r\n\r\nfirst\r\n"
                             "--o\r\nX: 2\r\nContent-Type: message/rfc822\r\n\r\n"
                             "Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\nX: 2.1\r\n\r\nin one\r\n--i\r\n"
                             "X: 2.2\r\nContent-Type: message/rfc822\r\n\r\nSubject: deep\r\n\r\ndeepest\r\n--i--\r\n"
                             "--o\r\nX: 3\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n\r\n--o--\r\n";

static const struct {
    unsigned path[4];
    size_t len;
    const char *header, *body; /* NULL: no such section */
} section_cases[] = {
    {{1}, 1, "X: 1\r\n\r\n", "first"},
    {{2, 1}, 2, "X: 2.1\r\n\r\n", "in one"},
    {{2, 2}, 2, "X: 2.2\r\nContent-Type: message/rfc822\r\n\r\n", "Subject: deep\r\n\r\ndeepest"},
    {{2, 2, 1}, 3, "Subject: deep\r\n\r\n", "deepest"},
    {{3}, 1, "X: 3\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n", ""},
    {{3, 1}, 2, "", ""},
    {{2, 3}, 2, NULL, NULL},
    {{1, 1}, 2, NULL, NULL},
    {{4}, 1, NULL, NULL},
    {{0}, 1, NULL, NULL},
    {{2, 2, 1, 1}, 4, NULL, NULL},
};

static void sections(void **state) {
    (void)state;
    BUF_AUTO bytes = BUF_INIT(SUMMARY_MAX);
    struct summary s;
    struct summary_part p, inner;
    summarize("nested", str_from(nested), &bytes);
    parse(&bytes, &s);
    for (size_t i = 0; i < sizeof section_cases / sizeof section_cases[0]; i++) {
        int rc = summary_part_find(&s, section_cases[i].path, section_cases[i].len, &p);
        assert_int_equal(rc, section_cases[i].header == NULL ? ERR_NOTFOUND : 0);
        if (rc != 0) continue;
        expect("header", str_sub(str_from(nested), p.header_offset, p.body_offset - p.header_offset),
               section_cases[i].header);
        expect("body", str_sub(str_from(nested), p.body_offset, p.body_len), section_cases[i].body);
    }
    assert_int_equal(summary_part_find(&s, (unsigned[]){2}, 1, &p), 0);
    assert_int_equal(p.kind, PART_MESSAGE);
    assert_int_equal(summary_part_nested(&s, &p, &inner), 0);
    assert_int_equal(inner.kind, PART_MULTIPART);
    assert_true(inner.header_offset == p.body_offset);
    assert_int_equal(summary_part_find(&s, NULL, 0, &p), 0);
    assert_int_equal(p.depth, 0);
    assert_int_equal(summary_part_nested(&s, &p, &inner), ERR_NOTFOUND);
    size_t pos = 0, count = 0;
    while (summary_part_next(&s, &pos, &p) == 0) count++;
    assert_int_equal(count, 9);
}

static void header_while_it_streams(void **state) {
    (void)state;
    struct summary_builder *b = summary_builder_new();
    summary_builder_feed(b, STR("Message-ID:\r\n <a@b>\r\nSub"));
    assert_false(summary_builder_header_done(b));
    summary_builder_feed(b, STR("ject: one\r\n two\r\n\r"));
    summary_builder_feed(b, STR("\nbody"));
    assert_true(summary_builder_header_done(b));
    expect("subject", summary_builder_header(b, "subject"), "one two");
    expect("message-id", summary_builder_header(b, "Message-ID"), "<a@b>");
    expect("absent", summary_builder_header(b, "Date"), "");
    summary_builder_free(b);
    summary_builder_free(NULL);
}

static void repeat(struct summary_builder *b, const char *text, size_t times) {
    for (size_t i = 0; i < times; i++) summary_builder_feed(b, str_from(text));
}

static void check_limit(const char *name, struct summary_builder *b, bool truncated) {
    BUF_AUTO bytes = BUF_INIT(SUMMARY_MAX);
    struct summary s;
    finish(b, &bytes);
    parse(&bytes, &s);
    if (truncated != ((s.flags & SUMMARY_TRUNCATED) != 0)) print_error("%s\n", name);
    assert_int_equal((s.flags & SUMMARY_TRUNCATED) != 0, truncated);
}

/* RFC 9051 section 7.5.2: a Subject is never NIL because it is long; what does not fit is cut between two characters.
 */
static void long_subject(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t times, len; /* of the string that is shown, as it stands in the summary */
        const char *begins;
        bool cut;
    } long_cases[] = {
        {"0123456789", 6000, 60000, "(NIL \"0123456789", false},
        {"0123456789", 100000, 32752, "(NIL \"0123456789", true},
        {"0123456789", 120000, 32752, "(NIL \"0123456789", true}, /* longer than what is looked at of a header */
        {"\"", 40000, 65504, "(NIL \"\\\"", true},
        {"\xe2\x82\xac", 30000, 32751, "(NIL {32751}\r\n\xe2", true},
        {"0123456789\r\n ", 10000, 27714, "(NIL \"0123456789 0123", true},
    };
    for (size_t i = 0; i < sizeof long_cases / sizeof *long_cases; i++) {
        BUF_AUTO bytes = BUF_INIT(SUMMARY_MAX);
        struct summary s;
        struct summary_builder *b = summary_builder_new();
        repeat(b, "Message-ID: <a@b>\r\nSubject: ", 1);
        repeat(b, long_cases[i].text, long_cases[i].times);
        repeat(b, "\r\n\r\n", 1);
        finish(b, &bytes);
        parse(&bytes, &s);
        assert_int_equal((s.flags & SUMMARY_TRUNCATED) != 0, long_cases[i].cut);
        assert_true(str_starts(s.envelope, str_from(long_cases[i].begins)));
        size_t head = s.envelope.ptr[5] == '{' ? strlen("(NIL {32751}\r\n") : strlen("(NIL \"\"");
        assert_int_equal(s.envelope.len - head - strlen(" NIL NIL NIL NIL NIL NIL NIL \"<a@b>\")"), long_cases[i].len);
        assert_true(s.base_subject.len > 10000);
    }
}

/* Hostile messages: the summary stays within its maximum, whatever comes. */
static void limits(void **state) {
    (void)state;
    struct summary_builder *b = summary_builder_new();
    repeat(b, "Content-Type: message/rfc822\r\n\r\n", 5000);
    check_limit("depth of messages", b, true);
    b = summary_builder_new();
    repeat(b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 5000);
    check_limit("depth of multiparts", b, true);
    b = summary_builder_new();
    repeat(b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n", 1);
    repeat(b, "--b\r\n", 50000);
    check_limit("parts", b, true);
    b = summary_builder_new();
    repeat(b, "X: y\r\n", 20000);
    check_limit("fields", b, true);
    b = summary_builder_new();
    repeat(b, "To: ", 1);
    repeat(b, "somebody@somewhere.example, ", 100000);
    check_limit("recipients", b, true);
    b = summary_builder_new();
    repeat(b, "Subject: ", 1);
    repeat(b, "0123456789", 10000);
    check_limit("subject", b, true);
    b = summary_builder_new();
    repeat(b, "Content-Type: text/plain", 1);
    repeat(b, "; name=value", 100000);
    check_limit("parameters", b, true);
    b = summary_builder_new();
    repeat(b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n", 1);
    for (int i = 0; i < 2000; i++) {
        repeat(b, "--b\r\nContent-Type: malformed", 1);
        repeat(b, ";a=b", 200);
        repeat(b, "\r\n\r\n", 1);
    }
    check_limit("parameters that are not shown", b, true);
    b = summary_builder_new();
    repeat(b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n", 1);
    repeat(b, "--bb very long boundary line ", 1000);
    repeat(b, "\r\n\r\ntext\r\n--b--", 1);
    check_limit("boundary line", b, false);
}

static void damaged_summaries(void **state) {
    (void)state;
    BUF_AUTO bytes = BUF_INIT(SUMMARY_MAX);
    struct summary s;
    summarize("nested", str_from(nested), &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        char *copy = malloc(len + 1);
        memcpy(copy, bytes.ptr, len);
        assert_int_equal(summary_parse(str_of(copy, len), &s), ERR_CORRUPT);
        free(copy);
    }
    bytes.ptr[0] = SUMMARY_VERSION + 1;
    assert_int_equal(summary_parse(buf_str(&bytes), &s), ERR_CORRUPT);
}

/* The form of before is read as well, and the thin form has what listings need. RFC 5256 section 3 wants References. */
static void versions(void **state) {
    (void)state;
    BUF_AUTO bytes = BUF_INIT(SUMMARY_MAX);
    BUF_AUTO thin = BUF_INIT(SUMMARY_MAX);
    struct summary s, t;
    summarize("references", STR("Subject: Re: x\r\nReferences: <a@b>\r\n\t<c@d>\r\nMessage-ID: <e@f>\r\n\r\nbody\r\n"),
              &bytes);
    parse(&bytes, &s);
    assert_true(s.has_references);
    expect("references", s.references, "<a@b>\t<c@d>");
    summary_thin(&s, &thin);
    assert_int_equal(summary_parse(buf_str(&thin), &t), ERR_CORRUPT);
    assert_int_equal(summary_parse_thin(buf_str(&thin), &t), 0);
    assert_true(str_eq(t.envelope, s.envelope) && str_eq(t.references, s.references) && t.header_len == s.header_len);
    expect("base subject", t.base_subject, "x");
    expect("message id", t.message_id, "<e@f>");
    buf_truncate(&bytes, bytes.len - 4 - s.references.len);
    bytes.ptr[0] = 1;
    parse(&bytes, &s);
    assert_true(!s.has_references && s.references.len == 0);
    buf_clear(&thin);
    summary_thin(&s, &thin);
    assert_int_equal(summary_parse_thin(buf_str(&thin), &t), 0);
    assert_false(t.has_references);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structures),
        cmocka_unit_test(envelopes),
        cmocka_unit_test(facts),
        cmocka_unit_test(sections),
        cmocka_unit_test(header_while_it_streams),
        cmocka_unit_test(limits),
        cmocka_unit_test(long_subject),
        cmocka_unit_test(versions),
        cmocka_unit_test(damaged_summaries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Responses of servers, gathered whole and byte by byte, and taken apart. RFC 9051 sections 4.3, 7.1 to 7.5; RFC 2342.
 */
#include "proto/imap/response.h"
#include "proto/imap/responses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX_HERE = 80, ARENA_MAX_HERE = 1 << 16 };

/* W<text>; whole; B<size>=<bytes>; body; ! error */
static void gather(struct str in, size_t step, struct buf *out) {
    struct imap_responses r;
    imap_responses_init(&r, TEXT_MAX_HERE);
    uint64_t body = 0;
    for (size_t at = 0, have = 0; at < in.len;) {
        if (at == have) have = have + step < in.len ? have + step : in.len;
        if (body > 0) {
            buf_addc(out, in.ptr[at++]);
            if (--body > 0) continue;
            buf_addc(out, ';');
            imap_responses_resume(&r);
            continue;
        }
        size_t used = 0;
        enum parse p = imap_responses_feed(&r, str_sub(in, at, have - at), &used);
        at += used;
        if (p == PARSE_MORE) continue;
        if (p == PARSE_ERROR) {
            buf_addc(out, '!');
            break;
        }
        if (r.event == IMAP_RESPONSES_BODY) {
            body = r.body_size;
            buf_printf(out, "B%u=", (unsigned)body);
            if (body == 0) imap_responses_resume(&r);
        } else {
            buf_printf(out, "W%s;", buf_cstr(&r.text));
            imap_responses_reset(&r);
        }
    }
    imap_responses_done(&r);
}

#define X40 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void gather_cases(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"* OK hi\r\na1 OK done\r\n", "W* OK hi;Wa1 OK done;"},
        {"* LIST () \"/\" {4}\r\na\r\nb\r\n", "W* LIST () \"/\" {4}\r\na\r\nb;"},
        {"* LIST () \"/\" {0}\r\n\r\n* OK x\r\n", "W* LIST () \"/\" {0}\r\n;W* OK x;"},
        /* only CRLF ends a line */
        {"* OK a\nb\r\n", "W* OK a\nb;"},
        /* text for people is no literal, nor is what stands in quotes */
        {"* OK see {5}\r\n* NO {5}\r\na1 BAD {9}\r\n+ {3}\r\n", "W* OK see {5};W* NO {5};Wa1 BAD {9};W+ {3};"},
        {"* LIST () \"/\" \"a{3}\"\r\n", "W* LIST () \"/\" \"a{3}\";"},
        {"* 1 FETCH (UID 7 BODY[] {5}\r\nab\r\nc FLAGS ())\r\n", "B5=ab\r\nc;W* 1 FETCH (UID 7 BODY[] \"\" FLAGS ());"},
        {"* 1 FETCH (BODY[] {0}\r\n UID 7)\r\n", "B0=W* 1 FETCH (BODY[] \"\" UID 7);"},
        {"* X {x}\r\n", "!"},
        {"* X {99999999999}\r\n", "!"},
        {"* X {81}\r\n", "!"},
        {"* X " X40 X40 "\r\n", "!"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t step = 1; step < 200; step += step == 1 ? 2 : 196) {
            BUF_AUTO out = BUF_INIT(1000);
            gather(str_from(cases[i].in), step, &out);
            assert_string_equal(buf_cstr(&out), cases[i].out);
        }
    }
}

static void show_flags(const struct imap_response *r, struct buf *out) {
    buf_printf(out, " flags=%u", (unsigned)r->flags.system);
    for (size_t i = 0; i < r->flags.keywords; i++) buf_printf(out, ",%.*s", STR_ARG(r->flags.keyword[i]));
}

static void show(const struct imap_response *r, struct buf *out) {
    switch (r->kind) {
    case IMAP_RESPONSE_STATE:
        buf_printf(out, "%.*s:%d [%.*s|%.*s] %.*s", STR_ARG(r->tag), (int)r->condition, STR_ARG(r->code),
                   STR_ARG(r->code_rest), STR_ARG(r->text));
        break;
    case IMAP_RESPONSE_CONTINUE: buf_printf(out, "+%.*s", STR_ARG(r->text)); break;
    case IMAP_RESPONSE_CAPABILITY: buf_printf(out, "cap %.*s", STR_ARG(r->text)); break;
    case IMAP_RESPONSE_LIST:
    case IMAP_RESPONSE_LSUB:
        buf_printf(out, r->kind == IMAP_RESPONSE_LSUB ? "lsub %.*s %u %c %.*s" : "list %.*s %u %c %.*s",
                   STR_ARG(r->name), r->attributes, r->separator != 0 ? r->separator : '0', STR_ARG(r->special_use));
        break;
    case IMAP_RESPONSE_NAMESPACE:
        for (size_t i = 0; i < r->namespace_count; i++)
            buf_printf(out, "<%.*s %d>", STR_ARG(r->namespaces[i].prefix), r->namespaces[i].personal);
        break;
    case IMAP_RESPONSE_STATUS: buf_printf(out, "status %.*s %u %u", STR_ARG(r->name), r->number, r->uidvalidity); break;
    case IMAP_RESPONSE_EXISTS: buf_printf(out, "exists %u", r->number); break;
    case IMAP_RESPONSE_EXPUNGE: buf_printf(out, "expunge %u", r->number); break;
    case IMAP_RESPONSE_FETCH:
        buf_printf(out, "fetch %u uid=%u date=%lld size=%u body=%d%.*s", r->number, r->uid, (long long)r->date,
                   (unsigned)r->size, r->has_body ? 1 + r->body_is_nil : 0, STR_ARG(r->body));
        if (r->has_flags) show_flags(r, out);
        break;
    case IMAP_RESPONSE_OTHER: buf_adds(out, "other"); break;
    }
}

static void parse_cases(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"* OK [UIDVALIDITY 3] fine", ":0 [UIDVALIDITY|3] fine"},
        {"a1 NO [ALERT] no", "a1:1 [ALERT|] no"},
        {"a1 bad", "a1:2 [|] "},
        {"* BYE so long", ":3 [|] so long"},
        {"+ go", "+go"},
        {"+", "+"},
        {"* CAPABILITY IMAP4rev1 IDLE", "cap IMAP4rev1 IDLE"},
        {"* LSUB (\\Noselect) \".\" a", "lsub a 1 . "},
        {"* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent Mail\"", "list Sent Mail 0 / \\Sent"},
        {"* list (\\NonExistent) NIL a.b", "list a.b 3 0 "},
        {"* LIST (\\Subscribed \\NoSelect) \".\" {3}\r\na.b (\"OLDNAME\" (\"x\"))", "list a.b 5 . "},
        {"* LIST () \"\\\\\" \"a\\\"b\"", "list a\"b 0 \\ "},
        {"* NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"shared.\" \".\" \"X\" (\"y\"))(\"b\" NIL))",
         "<INBOX. 1><shared. 0><b 0>"},
        {"* STATUS \"x y\" (MESSAGES 5 UIDNEXT 9 UIDVALIDITY 7)", "status x y 5 7"},
        {"* 4 EXISTS", "exists 4"},
        {"* 4 EXPUNGE", "expunge 4"},
        {"* 4 RECENT", "other"},
        {"* VANISHED 1:4", "other"},
        {"* 2 FETCH (FLAGS (\\Seen $Label1 \\Recent b[c) UID 9)",
         "fetch 2 uid=9 date=0 size=0 body=0 flags=8,$Label1,b[c"},
        {"* 2 FETCH (INTERNALDATE \" 2-Mar-2019 10:00:00 +0000\" BODY[] \"x\" RFC822.SIZE 12 UID 1)",
         "fetch 2 uid=1 date=1551520800 size=12 body=1x"},
        {"* 2 FETCH (UID 1 BODY[] NIL X-ODD (a (b \"c\") NIL) INTERNALDATE NIL)", "fetch 2 uid=1 date=0 size=0 body=2"},
        {"* 2 FETCH (UID 1", NULL},
        {"* 2 FETCH (UID x)", NULL},
        {"* 2 FETCH UID 1", NULL},
        {"* LIST x", NULL},
        {"a1", NULL},
        {"a1 HELLO", NULL},
        {"", NULL},
        {"* NAMESPACE (", NULL},
        {"* STATUS a (MESSAGES", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO arena = arena_new(ARENA_MAX_HERE);
        struct imap_response r;
        BUF_AUTO out = BUF_INIT(2000);
        int rc = imap_response_parse(str_from(cases[i].in), arena, &r);
        if (cases[i].out == NULL) {
            assert_int_equal(rc, ERR_INVALID);
            continue;
        }
        assert_int_equal(rc, 0);
        show(&r, &out);
        assert_string_equal(buf_cstr(&out), cases[i].out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gather_cases), cmocka_unit_test(parse_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

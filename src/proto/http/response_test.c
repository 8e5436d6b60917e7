/* HTTP/1.1 responses and their bodies, whole and byte by byte (RFC 9112). */
#include "proto/http/response.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum end { WHOLE, ENDS, CUT, BAD_HEAD, BAD_BODY }; /* ENDS: whole by the end of the connection */

static const struct {
    const char *in;
    enum end end;
    unsigned status;
    const char *body;
    bool head_request;
} cases[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", WHOLE, 200, "abc", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", CUT, 200, "ab", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", WHOLE, 200, "", false},
    {"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", WHOLE, 200, "x", false},
    {"HTTP/1.0 200 \r\n\r\nuntil the end", ENDS, 200, "until the end", false},
    {"HTTP/1.1 204 No Content\r\n\r\n", WHOLE, 204, "", false},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", WHOLE, 304, "", false},
    {"HTTP/1.1 100 Continue\r\n\r\n", WHOLE, 100, "", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", WHOLE, 200, "", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", WHOLE, 200,
     "abc0123456789", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nTrailer: x\r\n\r\n", WHOLE, 200, "a", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", CUT, 200, "ab", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", BAD_BODY, 200, "", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", BAD_BODY, 200, "", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", BAD_BODY, 200, "", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na\n", BAD_BODY, 200, "", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", BAD_BODY, 200, "", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", BAD_HEAD, 0, "", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", BAD_HEAD, 0, "", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", BAD_HEAD, 0, "", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\n", BAD_HEAD, 0, "", false},
    {"HTTP/1.1 20 OK\r\n\r\n", BAD_HEAD, 0, "", false},
    {"HTTP/1.1 2000 OK\r\n\r\n", BAD_HEAD, 0, "", false},
    {"HTTP/1.1 600 OK\r\n\r\n", BAD_HEAD, 0, "", false},
    {"HTTP/2 200 OK\r\n\r\n", BAD_HEAD, 0, "", false},
    {"HTTP/1.1 200 OK\r\nName : x\r\n\r\n", BAD_HEAD, 0, "", false},
    {"HTTP/1.1 200 OK\r\nName: x\r\n folded\r\n\r\n", BAD_HEAD, 0, "", false},
    {"HTTP/1.1 200 OK\nContent-Length: 0\n\r\n\r\n", BAD_HEAD, 0, "", false},
    {"220 mail.example ESMTP\r\n\r\n", BAD_HEAD, 0, "", false},
};

struct outcome {
    enum end end;
    unsigned status;
    struct buf body;
};

/* The input comes in pieces of `step` bytes. */
static void play(struct str in, size_t step, bool head_request, struct outcome *out) {
    struct http_response r;
    struct http_body b;
    size_t seen = 0, at = 0;
    enum parse p = PARSE_MORE;
    out->end = BAD_HEAD;
    while (p == PARSE_MORE && seen < in.len) {
        seen = seen + step < in.len ? seen + step : in.len;
        p = http_response_parse(str_sub(in, 0, seen), head_request, &r);
    }
    if (p != PARSE_EVENT) return;
    out->status = r.status;
    at = r.head_len;
    http_body_init(&b, &r);
    while (!b.done) {
        struct str data;
        size_t used;
        p = http_body_parse(&b, str_sub(in, at, seen - at), &data, &used);
        out->end = BAD_BODY;
        if (p == PARSE_ERROR) return;
        buf_add(&out->body, data);
        at += used;
        if (p == PARSE_EVENT) continue;
        if (seen == in.len) break;
        seen = seen + step < in.len ? seen + step : in.len;
    }
    out->end = b.done ? WHOLE : http_body_closed(&b) == 0 ? ENDS : CUT;
}

static void test_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t steps[] = {1, 2, 7, SIZE_MAX / 2};
        for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
            struct outcome o = {.body = BUF_INIT(1000)};
            play(str_from(cases[i].in), steps[k], cases[i].head_request, &o);
            if (o.end != cases[i].end) fail_msg("case %zu step %zu: end %d", i, steps[k], o.end);
            if (o.end == WHOLE || o.end == ENDS || o.end == CUT) {
                assert_int_equal(o.status, cases[i].status);
                assert_string_equal(buf_cstr(&o.body), cases[i].body);
            }
            buf_done(&o.body);
        }
    }
}

/* What never ends is refused at a limit. */
static void test_limits(void **state) {
    (void)state;
    static char big[HTTP_RESPONSE_HEAD_MAX + 10];
    struct http_response r = {.framing = HTTP_CHUNKED};
    struct http_body b;
    struct str data;
    size_t used;
    memset(big, 'a', sizeof big);
    memcpy(big, "HTTP/1.1 200 OK\r\nX: ", 20);
    assert_int_equal(http_response_parse(str_of(big, HTTP_RESPONSE_HEAD_MAX - 1), false, &r), PARSE_MORE);
    assert_int_equal(http_response_parse(str_of(big, HTTP_RESPONSE_HEAD_MAX), false, &r), PARSE_ERROR);
    r = (struct http_response){.framing = HTTP_CHUNKED};
    http_body_init(&b, &r);
    assert_int_equal(http_body_parse(&b, str_of(big + 100, HTTP_CHUNK_LINE_MAX + 1), &data, &used), PARSE_ERROR);
}

static void test_field(void **state) {
    (void)state;
    struct http_response r;
    struct str in = STR("HTTP/1.1 201 Created\r\nReplay-Nonce:  abc \r\nlocation: https://x/1\r\n\r\n");
    assert_int_equal(http_response_parse(in, false, &r), PARSE_EVENT);
    assert_true(str_eq(http_response_field(&r, STR("replay-nonce")), STR("abc")));
    assert_true(str_eq(http_response_field(&r, STR("Location")), STR("https://x/1")));
    assert_int_equal(http_response_field(&r, STR("Link")).len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_field)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

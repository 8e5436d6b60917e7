/* HTTP/1.1 request heads, whole and byte by byte (RFC 9112). */
#include "proto/http/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *in;
    enum http_result result;
    unsigned status;
    const char *method, *path, *query;
    bool keep_alive;
} cases[] = {
    {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_REQUEST, 0, "GET", "/metrics", "", true},
    {"GET /a?b=c&d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", HTTP_REQUEST, 0, "GET", "/a", "b=c&d", false},
    {"HEAD / HTTP/1.0\r\n\r\n", HTTP_REQUEST, 0, "HEAD", "/", "", false},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", HTTP_REQUEST, 0, "GET", "/", "", true},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", HTTP_REQUEST, 0, "POST", "/", "", true},
    {"GET / HTTP/1.1\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", HTTP_ERROR, 505, 0, 0, 0, 0},
    {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"GET /\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"GET http://x/a?b HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_REQUEST, 0, "GET", "/a", "b", true},
    {"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_REQUEST, 0, "GET", "/", "", true},
    {"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_REQUEST, 0, "GET", "/", "", true},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"GET * HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"GET / HTTP/1.1\nHost: x\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0,
     0},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", HTTP_ERROR, 501, 0, 0, 0, 0},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\n", HTTP_ERROR, 400, 0, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: x", HTTP_MORE, 0, 0, 0, 0, 0},
};

static void check(size_t i, enum http_result result, const struct http_request *r, unsigned status) {
    assert_int_equal(result, cases[i].result);
    if (result == HTTP_ERROR) assert_int_equal(status, cases[i].status);
    if (result != HTTP_REQUEST) return;
    assert_true(str_eq(r->method, str_from(cases[i].method)));
    assert_true(str_eq(r->path, str_from(cases[i].path)));
    assert_true(str_eq(r->query, str_from(cases[i].query)));
    assert_int_equal(r->keep_alive, cases[i].keep_alive);
}

static void request_table(void **state) {
    (void)state;
    static struct http_request r;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned status = 0;
        struct str in = str_from(cases[i].in);
        enum http_result result = http_request_parse(in, &r, &status);
        check(i, result, &r, status);
        result = HTTP_MORE;
        for (size_t n = 0; n <= in.len && result == HTTP_MORE; n++)
            result = http_request_parse(str_sub(in, 0, n), &r, &status);
        check(i, result, &r, status);
    }
}

static void limits(void **state) {
    (void)state;
    static struct http_request r;
    unsigned status = 0;
    BUF_AUTO b = BUF_INIT(1 << 20);
    buf_adds(&b, "GET /");
    for (int i = 0; i < HTTP_TARGET_MAX; i++) buf_addc(&b, 'x');
    buf_adds(&b, " HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(http_request_parse(buf_str(&b), &r, &status), HTTP_ERROR);
    assert_int_equal(status, 414);
    buf_clear(&b);
    buf_adds(&b, "GET / HTTP/1.1\r\n");
    for (int i = 0; i <= HTTP_FIELDS_MAX; i++) buf_adds(&b, "A: b\r\n");
    buf_adds(&b, "\r\n");
    assert_int_equal(http_request_parse(buf_str(&b), &r, &status), HTTP_ERROR);
    assert_int_equal(status, 431);
    buf_clear(&b);
    buf_adds(&b, "G");
    while (b.len < HTTP_HEAD_MAX) buf_adds(&b, "xxxxxxxxxxxxxxxx");
    assert_int_equal(http_request_parse(buf_str(&b), &r, &status), HTTP_ERROR);
    assert_int_equal(status, 431);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(request_table), cmocka_unit_test(limits)};
    return cmocka_run_group_tests_name("http request", tests, NULL, NULL);
}

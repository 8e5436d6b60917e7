/* The client against a server that plays a script on a loopback port: plain, over TLS, cut off, too large. */
#include "http/fetch.h"
#include "net/listener.h"
#include "net/net_test.h"
#include "net/tls_test_cert.h"

#include <stdio.h>
#include <string.h>

static struct tls_server *server_tls;
static const char *script;
static struct buf seen = BUF_INIT(100000);
static bool closes = true;
static struct cond asked_all; /* ends the waits of servers that do not close */

static void serve(struct stream *s, void *arg) {
    struct error err = {0};
    bool tls = arg != NULL;
    if (tls && tls_accept(s, server_tls, SOON, &err) != 0) return;
    buf_clear(&seen);
    while (str_find_str(stream_peek(s), STR("\r\n\r\n")) == STR_NPOS) {
        if (stream_fill(s, SOON) != 0) return;
    }
    buf_add(&seen, stream_peek(s));
    (void)!stream_put(s, str_from(script));
    (void)!stream_flush(s);
    if (!closes) (void)!cond_wait(&asked_all, SOON);
}

static struct listener *listen_at(void *arg, uint16_t *port) {
    static const struct listener_ops ops = {.serve = serve};
    struct net_addr at;
    struct error err = {0};
    struct listener *l = NULL;
    int fd = -1;
    assert_int_equal(net_addr_parse(STR("127.0.0.1"), 0, &at), 0);
    assert_int_equal(listener_bind(&at, &fd, &err), 0);
    assert_int_equal(listener_start("test", fd, &ops, arg, NULL, &l), 0);
    *port = listener_address(l)->port;
    return l;
}

static int ask(struct http_client *c, bool tls, uint16_t port, const char *method, uint64_t deadline_ms,
               struct http_answer *out, struct error *err) {
    char url[100];
    (void)snprintf(url, sizeof url, "%s://127.0.0.1:%u/path?q", tls ? "https" : "http", port);
    struct http_ask a = {
        .method = method, .url = str_from(url), .answer_max = 100, .allow_plain = !tls, .deadline_ms = deadline_ms};
    if (strcmp(method, "POST") == 0) {
        a.content_type = "text/plain";
        a.body = STR("hello");
    }
    return http_fetch(c, &a, out, err);
}

static const struct {
    const char *script, *method;
    bool closes;
    int rc;
    unsigned status;
    const char *body;
} cases[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "GET", true, 0, 200, "ok"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "POST", false, 0, 200, "ok"},
    {"HTTP/1.1 404 Not Found\r\n\r\nall", "GET", true, 0, 404, "all"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD", false, 0, 200, ""},
    {"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "GET", true, 0, 200, "x"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "GET", false, 0, 200, "ab"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123"
     "456789012345678901234567890123456789x",
     "GET", true, ERR_LIMIT, 0, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "GET", true, ERR_CLOSED, 0, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "GET", false, ERR_TIMEOUT, 0, ""},
    {"220 hello\r\n\r\n", "GET", true, ERR_INVALID, 0, ""},
    {"", "GET", true, ERR_CLOSED, 0, ""},
};

FIBER_TEST(test_answers) {
    struct http_client c = {.user_agent = "test"};
    uint16_t port;
    struct listener *l = listen_at(NULL, &port);
    cond_init(&asked_all);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        HTTP_ANSWER_AUTO a = {0};
        struct error err = {0};
        script = cases[i].script;
        closes = cases[i].closes;
        uint64_t deadline = cases[i].rc == ERR_TIMEOUT ? loop_now_ms() + 200 : SOON;
        int rc = ask(&c, false, port, cases[i].method, deadline, &a, &err);
        if (rc != cases[i].rc) fail_msg("case %zu: %d %s", i, rc, err.text);
        if (rc != 0) continue;
        assert_int_equal(a.response.status, cases[i].status);
        assert_string_equal(buf_cstr(&a.body), cases[i].body);
        assert_true(str_find_str(buf_str(&seen), STR(" /path?q HTTP/1.1\r\nHost: 127.0.0.1:")) > 0);
        if (strcmp(cases[i].method, "POST") == 0) assert_true(str_ends(buf_str(&seen), STR("\r\n\r\nhello")));
    }
    cond_broadcast(&asked_all);
    listener_stop(l);
    listener_drain(l, SOON);
    listener_free(l);
}

/* https: the name must be in the certificate and its root trusted. http is refused unless allowed. */
FIBER_TEST(test_tls) {
    struct buf cert = BUF_INIT(65536), key = BUF_INIT(65536), other = BUF_INIT(65536), other_key = BUF_INIT(65536);
    struct http_client c = {.user_agent = "test"};
    struct error err = {0};
    HTTP_ANSWER_AUTO a = {0};
    HTTP_ANSWER_AUTO none = {0};
    uint16_t port;
    test_cert("DNS:ca.example,IP:127.0.0.1", &cert, &key);
    test_cert("IP:127.0.0.1", &other, &other_key);
    buf_add(&key, buf_str(&cert));
    assert_int_equal(tls_server_new(buf_str(&key), &server_tls, &err), 0);
    struct listener *l = listen_at(&server_tls, &port);
    script = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    closes = true;
    assert_int_equal(tls_client_new(buf_str(&cert), &c.tls, &err), 0);
    assert_int_equal(ask(&c, true, port, "GET", SOON, &a, &err), 0);
    assert_string_equal(buf_cstr(&a.body), "ok");
    tls_client_free(c.tls);
    assert_int_equal(tls_client_new(buf_str(&other), &c.tls, &err), 0);
    assert_int_equal(ask(&c, true, port, "GET", SOON, &none, &err), ERR_DENIED);
    struct http_ask plain = {.method = "GET", .url = STR("http://127.0.0.1:1/"), .deadline_ms = SOON};
    assert_int_equal(http_fetch(&c, &plain, &none, &err), ERR_INVALID);
    plain.allow_plain = true;
    assert_int_equal(http_fetch(&c, &plain, &none, &err), ERR_IO);
    tls_client_free(c.tls);
    tls_server_free(server_tls);
    listener_stop(l);
    listener_drain(l, SOON);
    listener_free(l);
    struct buf *all[] = {&cert, &key, &other, &other_key};
    for (size_t i = 0; i < 4; i++) buf_done(all[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers), cmocka_unit_test(test_tls)};
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    buf_done(&seen);
    return rc;
}

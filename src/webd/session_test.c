/* Whole HTTP connections over a socket pair, with a responder made for the purpose behind RPC: routes, keep-alive,
 * HEAD, refusals (RFC 9110, RFC 9112). */
#include "net/net_test.h"

#include "rpc/control_methods.h"
#include "webd/webd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ANSWERS_MAX = 64 * 1024 };

static struct {
    struct webd webd;
    struct rpc_server *server;
    bool ready, failing, ended;
} t;

static int on_metrics(struct rpc_request *r, struct error *err, void *arg) {
    (void)arg;
    if (t.failing) return error_set(err, ERR_AGAIN, "not now");
    static char text[] = "iems_up 1\n";
    Control__Metrics reply = CONTROL__METRICS__INIT;
    reply.text = text;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int on_status(struct rpc_request *r, struct error *err, void *arg) {
    (void)err;
    (void)arg;
    static char name[] = "store", state[] = "starting";
    Control__Module module = CONTROL__MODULE__INIT, *modules[] = {&module};
    Control__Status reply = CONTROL__STATUS__INIT;
    module.name = name;
    module.state = state;
    reply.modules = modules;
    reply.n_modules = 1;
    reply.all_ready = t.ready;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int on_connect(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    (void)arg;
    (void)deadline_ms;
    (void)err;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) return ERR_IO;
    *fd = pair[0];
    return rpc_server_add(t.server, pair[1], ROLE_WEBD, "webd");
}

static void begin(void) {
    static const struct rpc_server_method methods[] = {{CONTROL_METRICS, on_metrics, false},
                                                       {CONTROL_STATUS, on_status, false}};
    static const struct rpc_server_ops server_ops = {.methods = methods, .count = 2};
    static const struct rpc_client_ops client_ops = {.connect = on_connect};
    memset(&t, 0, sizeof t);
    assert_int_equal(rpc_server_new(&control_service, &server_ops, NULL, &t.server), 0);
    assert_int_equal(rpc_client_new(&control_service, &client_ops, NULL, &t.webd.control), 0);
}

static void end(void) {
    rpc_client_free(t.webd.control);
    rpc_server_free(t.server);
}

static void run_session(void *arg) {
    static struct webd_service service = {&t.webd, "metrics"};
    struct stream *s = arg;
    webd_serve(s, &service);
    stream_free(s);
    t.ended = true;
}

/* Sends `requests` in pieces of `step`, reads until the server closes. */
static void exchange(const char *requests, size_t step, struct buf *answers) {
    int pair[2];
    struct stream *client, *server;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(stream_open_fd(pair[0], &client), 0);
    assert_int_equal(stream_open_fd(pair[1], &server), 0);
    t.ended = false;
    assert_int_equal(fiber_spawn("session", run_session, server, NULL), 0);
    struct str rest = str_from(requests);
    for (size_t at = 0; at < rest.len && !t.ended; at += step) {
        if (stream_put(client, str_sub(rest, at, step)) != 0 || stream_flush(client) != 0) break;
        if (step < rest.len) fiber_yield();
    }
    while (stream_fill(client, SOON) == 0) {
        buf_add(answers, stream_peek(client));
        stream_consume(client, stream_peek(client).len);
    }
    stream_free(client);
    assert_true(t.ended);
}

static const struct {
    const char *requests;
    const char *want[4]; /* in this order */
    unsigned count;      /* of answers */
} cases[] = {
    {"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
     {"HTTP/1.1 200 OK\r\n", "text/plain; version=0.0.4", "Content-Length: 10\r\n", "\r\n\r\niems_up 1\n"},
     1},
    {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
     {"200 OK", "iems_up 1\n", "200 OK", "ok\n"},
     2},
    {"HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {"200 OK", "Content-Length: 10\r\n", NULL}, 1},
    {"GET /metrics HTTP/1.0\r\n\r\n", {"200 OK", "Connection: close", "iems_up 1\n"}, 1},
    {"GET /other HTTP/1.0\r\n\r\n", {"404 Not Found", NULL}, 1},
    {"GET /metrics/ HTTP/1.0\r\n\r\n", {"404 Not Found", NULL}, 1},
    {"DELETE /metrics HTTP/1.0\r\n\r\n", {"405 Method Not Allowed", "Allow: GET, HEAD", NULL}, 1},
    {"GET /metrics HTTP/1.1\r\n\r\n", {"400 Bad Request", "Connection: close", NULL}, 1},
    {"rubbish\r\n\r\n", {"400 Bad Request", NULL}, 1},
    {"GET / HTTP/3.0\r\n\r\n", {"505 ", NULL}, 1},
    {"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /healthz HTTP/1.0\r\n\r\n",
     {"405 Method", "200 OK", "ok\n"},
     2},
    {"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", {"413 Content Too Large", NULL}, 1},
    {"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {"501 Not Impl", NULL}, 1},
};

static void check(size_t i, const struct buf *answers) {
    struct str rest = buf_str(answers);
    for (size_t w = 0; w < 4 && cases[i].want[w] != NULL; w++) {
        ptrdiff_t at = str_find_str(rest, str_from(cases[i].want[w]));
        if (at == STR_NPOS) print_error("case %zu: no %s in\n%s\n", i, cases[i].want[w], buf_cstr(answers));
        assert_true(at != STR_NPOS);
        rest = str_sub(rest, (size_t)at + 1, rest.len);
    }
    unsigned count = 0;
    rest = buf_str(answers);
    for (ptrdiff_t at; (at = str_find_str(rest, STR("HTTP/1.1 "))) != STR_NPOS; count++) {
        rest = str_sub(rest, (size_t)at + 1, rest.len);
    }
    assert_int_equal(count, cases[i].count);
}

FIBER_TEST(dialogues) {
    begin();
    t.ready = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t step = 1; step < 4000; step *= 60) {
            BUF_AUTO answers = BUF_INIT(ANSWERS_MAX);
            exchange(cases[i].requests, step, &answers);
            check(i, &answers);
        }
    }
    end();
}

FIBER_TEST(head_has_no_body) {
    begin();
    BUF_AUTO answers = BUF_INIT(ANSWERS_MAX);
    exchange("HEAD /metrics HTTP/1.0\r\n\r\n", 100, &answers);
    assert_true(str_ends(buf_str(&answers), STR("\r\n\r\n")));
    end();
}

FIBER_TEST(not_ready) {
    begin();
    BUF_AUTO answers = BUF_INIT(ANSWERS_MAX);
    exchange("GET /healthz HTTP/1.0\r\n\r\n", 100, &answers);
    assert_true(str_starts(buf_str(&answers), STR("HTTP/1.1 503 ")));
    assert_true(str_ends(buf_str(&answers), STR("not ready: store\n")));
    buf_clear(&answers);
    t.failing = true;
    exchange("GET /metrics HTTP/1.0\r\n\r\n", 100, &answers);
    assert_true(str_starts(buf_str(&answers), STR("HTTP/1.1 503 ")));
    assert_true(str_ends(buf_str(&answers), STR("not now\n")));
    end();
}

FIBER_TEST(oversize_head) {
    begin();
    BUF_AUTO answers = BUF_INIT(ANSWERS_MAX);
    char *request = calloc(1, HTTP_HEAD_MAX + 100);
    memset(request, 'x', HTTP_HEAD_MAX + 99);
    exchange(request, HTTP_HEAD_MAX, &answers);
    assert_true(str_starts(buf_str(&answers), STR("HTTP/1.1 431 ")));
    free(request);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dialogues),
        cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(not_ready),
        cmocka_unit_test(oversize_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

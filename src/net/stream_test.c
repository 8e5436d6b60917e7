/* Streams over Unix socket pairs and TCP on loopback. */
#include "net/net_test.h"
#include "net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void pair_open(struct stream **a, struct stream **b) {
    int sv[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
    assert_int_equal(stream_open_fd(sv[0], a), 0);
    assert_int_equal(stream_open_fd(sv[1], b), 0);
}

static int bind_loopback(struct net_addr *at) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    net_addr_from_sockaddr((struct sockaddr *)&in, at);
    return fd;
}

static int listen_loopback(struct net_addr *at) {
    int fd = bind_loopback(at);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void tcp_open(struct stream **client, struct stream **server) {
    struct net_addr at;
    struct error err;
    int fd = listen_loopback(&at);
    assert_int_equal(stream_connect(&at, NULL, SOON, client, &err), 0);
    int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(accepted >= 0);
    assert_int_equal(stream_open_fd(accepted, server), 0);
    close(fd);
}

static void fill_all(struct stream *s, size_t len) {
    while (stream_peek(s).len < len) assert_int_equal(stream_fill(s, SOON), 0);
}

static void expect(struct stream *s, const char *text) {
    struct str want = str_from(text);
    fill_all(s, want.len);
    assert_memory_equal(stream_peek(s).ptr, want.ptr, want.len);
    stream_consume(s, want.len);
}

static void exchange(struct stream *a, struct stream *b) {
    for (int i = 0; i < 50; i++) {
        assert_int_equal(stream_printf(a, "request %d\r\n", i), 0);
        assert_int_equal(stream_flush(a), 0);
        expect(b, "request ");
        fill_all(b, 3);
        stream_consume(b, stream_peek(b).len);
        assert_int_equal(stream_put(b, STR("250 ")), 0);
        assert_int_equal(stream_put(b, STR("ok\r\n")), 0);
        assert_int_equal(stream_flush(b), 0);
        expect(a, "250 ok\r\n");
        assert_int_equal(stream_peek(a).len, 0);
    }
    assert_int_equal(stream_bytes_in(a), 50 * 8);
    assert_int_equal(stream_bytes_out(b), 50 * 8);
    assert_int_equal(stream_bytes_in(b), stream_bytes_out(a));
}

FIBER_TEST(unread_bytes_come_again) {
    struct stream *a, *b;
    pair_open(&a, &b);
    assert_int_equal(stream_unread(b), 0); /* nothing to give back */
    assert_int_equal(stream_put(a, STR("header and more")), 0);
    assert_int_equal(stream_flush(a), 0);
    expect(b, "header");
    assert_int_equal(stream_unread(b), 0);
    assert_int_equal(stream_peek(b).len, 0);
    expect(b, " and more");
    exchange(a, b);
    assert_int_equal(stream_put(a, STR("the end")), 0);
    assert_int_equal(stream_flush(a), 0);
    fill_all(b, 7);
    assert_int_equal(stream_unread(b), 0);
    stream_free(a);
    expect(b, "the end");
    assert_int_equal(stream_fill(b, SOON), ERR_CLOSED);
    stream_free(b);
}

FIBER_TEST(request_and_response) {
    struct stream *a, *b;
    pair_open(&a, &b);
    exchange(a, b);
    assert_int_equal(stream_peer(a)->family, AF_UNIX);
    stream_free(a);
    stream_free(b);
    tcp_open(&a, &b);
    exchange(a, b);
    assert_true(net_addr_is_loopback(stream_peer(b)));
    assert_int_equal(stream_peer(a)->port, stream_local(b)->port);
    assert_int_equal(stream_peer(b)->port, stream_local(a)->port);
    stream_free(a);
    stream_free(b);
    stream_free(NULL);
}

static void write_bytewise(void *arg) {
    struct stream *s = arg;
    for (const char *p = "bytewise\r\n"; *p != '\0'; p++) {
        assert_int_equal(stream_put(s, str_of(p, 1)), 0);
        assert_int_equal(stream_flush(s), 0);
        fiber_yield();
    }
}

FIBER_TEST(bytewise_peer) {
    struct stream *a, *b;
    tcp_open(&a, &b);
    assert_int_equal(fiber_spawn("writer", write_bytewise, a, NULL), 0);
    expect(b, "bytewise\r\n");
    stream_free(a);
    stream_free(b);
}

FIBER_TEST(fill_flushes_first) {
    struct stream *a, *b;
    pair_open(&a, &b);
    assert_int_equal(stream_put(a, STR("hello")), 0);
    assert_int_equal(stream_fill(b, loop_now_ms() + 2), ERR_TIMEOUT); /* gathered only */
    assert_int_equal(stream_fill(a, loop_now_ms() + 2), ERR_TIMEOUT);
    expect(b, "hello");
    stream_free(a);
    stream_free(b);
}

FIBER_TEST(timeout_leaves_the_stream_usable) {
    struct stream *a, *b;
    tcp_open(&a, &b);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(stream_fill(a, loop_now_ms() + 3), ERR_TIMEOUT);
        assert_int_equal(stream_error(a), 0);
        assert_int_equal(stream_put(b, STR("x")), 0);
        assert_int_equal(stream_flush(b), 0);
        expect(a, "x");
    }
    stream_free(a);
    stream_free(b);
}

FIBER_TEST(orderly_end) {
    struct stream *a, *b;
    tcp_open(&a, &b);
    assert_int_equal(stream_put(a, STR("last words")), 0);
    assert_int_equal(stream_flush(a), 0);
    stream_free(a);
    expect(b, "last words");
    assert_int_equal(stream_fill(b, SOON), ERR_CLOSED);
    assert_int_equal(stream_fill(b, SOON), ERR_CLOSED);
    assert_int_equal(stream_wait_input(b, NULL, SOON), 0); /* the end is there */
    stream_free(b);
}

static void free_later(void *s) {
    assert_int_equal(fiber_sleep(3), 0);
    stream_free(s);
}

FIBER_TEST(end_while_waiting) {
    struct stream *a, *b;
    pair_open(&a, &b);
    assert_int_equal(fiber_spawn("closer", free_later, a, NULL), 0);
    assert_int_equal(stream_fill(b, SOON), ERR_CLOSED);
    /* Writing to who is gone fails, and stays failed. */
    assert_int_equal(stream_put(b, STR("x")), 0);
    assert_int_equal(stream_flush(b), ERR_IO);
    assert_int_equal(stream_put(b, STR("x")), ERR_IO);
    assert_int_equal(stream_error(b), ERR_IO);
    stream_free(b);
}

/* Half-closed: the peer sends no more but still reads. */
FIBER_TEST(half_closed_peer_gets_answers) {
    int sv[2];
    struct stream *s;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv), 0);
    assert_int_equal(stream_open_fd(sv[0], &s), 0);
    assert_int_equal(write(sv[1], "QUIT\r\n", 6), 6);
    assert_int_equal(shutdown(sv[1], SHUT_WR), 0);
    expect(s, "QUIT\r\n");
    assert_int_equal(stream_fill(s, SOON), ERR_CLOSED);
    assert_int_equal(stream_put(s, STR("221 bye\r\n")), 0);
    assert_int_equal(stream_flush(s), 0);
    char reply[16];
    assert_int_equal(read(sv[1], reply, sizeof reply), 9);
    close(sv[1]);
    stream_free(s);
}

FIBER_TEST(input_limit) {
    struct stream *a, *b;
    pair_open(&a, &b);
    char block[8192];
    memset(block, 'x', sizeof block);
    int rc = 0;
    while (rc == 0) {
        assert_int_equal(stream_put(a, str_of(block, sizeof block)), 0);
        assert_int_equal(stream_flush(a), 0);
        rc = stream_fill(b, SOON);
    }
    assert_int_equal(rc, ERR_LIMIT);
    assert_int_equal(stream_peek(b).len, STREAM_IN_MAX);
    stream_consume(b, 1);
    assert_int_equal(stream_fill(b, SOON), 0);
    assert_int_equal(stream_peek(b).len, STREAM_IN_MAX);
    assert_int_equal(stream_discard_input(b), STREAM_IN_MAX);
    assert_int_equal(stream_peek(b).len, 0);
    stream_free(a);
    stream_free(b);
}

struct transfer {
    struct stream *s;
    size_t total, piece;
    bool slow;
};

static void send_pattern(void *arg) {
    struct transfer *t = arg;
    char *data = malloc(t->piece);
    assert_non_null(data);
    for (size_t sent = 0; sent < t->total; sent += t->piece) {
        for (size_t i = 0; i < t->piece; i++) data[i] = (char)((sent + i) * 31 >> 3);
        assert_int_equal(stream_put(t->s, str_of(data, t->piece)), 0);
    }
    assert_int_equal(stream_flush(t->s), 0);
    free(data);
    t->total = 0;
}

static void transfer(struct stream *a, struct stream *b, size_t total, size_t piece, bool slow) {
    struct transfer t = {a, total, piece, slow};
    assert_int_equal(fiber_spawn("sender", send_pattern, &t, NULL), 0);
    for (size_t got = 0; got < total;) {
        assert_int_equal(stream_fill(b, SOON), 0);
        struct str in = stream_peek(b);
        for (size_t i = 0; i < in.len; i++) assert_int_equal(in.ptr[i], (char)((got + i) * 31 >> 3));
        got += in.len;
        stream_consume(b, in.len);
        if (slow) assert_int_equal(fiber_sleep(1), 0);
    }
    while (t.total > 0) fiber_yield();
}

/* Back-pressure: much more than any buffer, in small and in large pieces; order is kept. */
FIBER_TEST(bulk_transfer) {
    static const struct {
        size_t total, piece;
        bool slow;
    } cases[] = {{4 << 20, 1 << 20, false}, {4 << 20, 1000, false}, {1 << 20, 40000, true}, {1 << 20, 1 << 20, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stream *a, *b;
        pair_open(&a, &b);
        transfer(a, b, cases[i].total, cases[i].total / (cases[i].total / cases[i].piece), cases[i].slow);
        stream_free(a);
        stream_free(b);
        tcp_open(&a, &b);
        transfer(a, b, cases[i].total, cases[i].piece, cases[i].slow);
        stream_free(a);
        stream_free(b);
    }
}

FIBER_TEST(write_timeout_is_final) {
    struct stream *a, *b;
    pair_open(&a, &b);
    stream_set_write_timeout(a, 5);
    static char block[100000];
    int rc = 0;
    while (rc == 0) rc = stream_put(a, str_of(block, sizeof block));
    assert_int_equal(rc, ERR_TIMEOUT);
    assert_int_equal(stream_flush(a), ERR_TIMEOUT);
    assert_int_equal(stream_fill(a, SOON), ERR_TIMEOUT);
    stream_free(a);
    stream_free(b);
}

static int fill_result;

static void fill_once(void *s) {
    fill_result = stream_fill(s, DEADLINE_NEVER);
}

FIBER_TEST(cancel_ends_a_fill) {
    struct stream *a, *b;
    struct fiber *f;
    pair_open(&a, &b);
    assert_int_equal(fiber_spawn("reader", fill_once, a, &f), 0);
    assert_int_equal(fiber_sleep(2), 0);
    fiber_cancel(f);
    fiber_yield();
    assert_int_equal(fill_result, ERR_CANCELLED);
    stream_free(a);
    stream_free(b);
}

static struct cond news;

static void tell(void *arg) {
    (void)arg;
    assert_int_equal(fiber_sleep(2), 0);
    cond_signal(&news);
}

FIBER_TEST(wait_for_input_or_news) {
    struct stream *a, *b;
    tcp_open(&a, &b);
    cond_init(&news);
    assert_int_equal(stream_wait_input(a, &news, loop_now_ms() + 2), ERR_TIMEOUT);
    assert_int_equal(fiber_spawn("news", tell, NULL, NULL), 0);
    assert_int_equal(stream_put(a, STR("+ idling\r\n")), 0);
    assert_int_equal(stream_wait_input(a, &news, SOON), ERR_AGAIN);
    expect(b, "+ idling\r\n");
    assert_true(list_empty(&news.waiters));
    assert_int_equal(stream_put(b, STR("DONE")), 0);
    assert_int_equal(stream_flush(b), 0);
    assert_int_equal(stream_wait_input(a, &news, SOON), 0);
    assert_int_equal(stream_wait_input(a, &news, SOON), 0); /* still there */
    assert_int_equal(stream_fill(a, loop_now_ms()), 0);     /* does not wait */
    expect(a, "DONE");
    assert_int_equal(stream_fill(a, loop_now_ms() + 2), ERR_TIMEOUT);
    stream_free(b);
    assert_int_equal(stream_wait_input(a, &news, SOON), 0);
    assert_int_equal(stream_fill(a, SOON), ERR_CLOSED);
    stream_free(a);
}

static void tell_and_read(void *arg) {
    const int *fd = arg;
    char bytes[4096];
    tell(NULL);
    assert_int_equal(fiber_sleep(2), 0);
    while (recv(*fd, bytes, sizeof bytes, 0) > 0) continue;
}

/* What is signalled while gathered output waits for the other side is not lost. */
FIBER_TEST(news_during_the_flush) {
    struct stream *a;
    int sv[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
    assert_int_equal(stream_open_fd(sv[0], &a), 0);
    while (send(sv[0], "full", 4, 0) > 0) continue;
    cond_init(&news);
    assert_int_equal(stream_put(a, STR("+ idling\r\n")), 0);
    assert_int_equal(fiber_spawn("news", tell_and_read, &sv[1], NULL), 0);
    assert_int_equal(stream_wait_input(a, &news, SOON), ERR_AGAIN);
    assert_true(list_empty(&news.waiters));
    stream_free(a);
    close(sv[1]);
}

struct many {
    struct stream *s;
    char name;
};

static void put_lines(void *arg) {
    struct many *m = arg;
    char line[2000];
    memset(line, m->name, sizeof line);
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < 100; i++) {
        assert_int_equal(stream_put(m->s, str_of(line, sizeof line)), 0);
        if (i % 7 == 0) assert_int_equal(stream_flush(m->s), 0);
    }
    assert_int_equal(stream_flush(m->s), 0);
}

/* Many fibers may put and flush: what one put stays together. */
FIBER_TEST(many_writers) {
    enum { WRITERS = 8, LINE = 2000 };
    static struct many m[WRITERS];
    struct stream *a, *b;
    pair_open(&a, &b);
    for (int i = 0; i < WRITERS; i++) {
        m[i] = (struct many){a, (char)('a' + i)};
        assert_int_equal(fiber_spawn("writer", put_lines, &m[i], NULL), 0);
    }
    for (int i = 0; i < WRITERS * 100; i++) {
        fill_all(b, LINE);
        const char *p = stream_peek(b).ptr;
        for (int k = 1; k < LINE - 1; k++) assert_int_equal(p[k], p[0]);
        assert_int_equal(p[LINE - 1], '\n');
        stream_consume(b, LINE);
    }
    while (fiber_count() > 1) fiber_yield();
    stream_free(a);
    stream_free(b);
}

static int failed_writers;

static void put_until_failed(void *s) {
    static char block[100000];
    int rc = 0;
    while (rc == 0) rc = stream_put(s, str_of(block, sizeof block));
    assert_int_equal(rc, ERR_IO);
    failed_writers++;
}

/* A failure reaches every fiber that waits for its turn to write. */
FIBER_TEST(many_writers_see_a_failure) {
    struct stream *a, *b;
    pair_open(&a, &b);
    failed_writers = 0;
    for (int i = 0; i < 5; i++) assert_int_equal(fiber_spawn("writer", put_until_failed, a, NULL), 0);
    assert_int_equal(fiber_sleep(5), 0);
    assert_int_equal(failed_writers, 0);
    stream_free(b);
    while (failed_writers < 5) assert_int_equal(fiber_sleep(1), 0);
    stream_free(a);
}

FIBER_TEST(long_printf) {
    struct stream *a, *b;
    pair_open(&a, &b);
    char text[2001];
    memset(text, 'y', 2000);
    text[2000] = '\0';
    assert_int_equal(stream_printf(a, "<%s>", text), 0);
    assert_int_equal(stream_flush(a), 0);
    fill_all(b, 2002);
    assert_int_equal(stream_peek(b).ptr[2001], '>');
    stream_free(a);
    stream_free(b);
}

FIBER_TEST(connect_errors) {
    struct stream *s;
    struct error err = {0};
    struct net_addr at;
    int taken = bind_loopback(&at); /* by nobody who listens, and so not by anybody else meanwhile */
    assert_int_equal(stream_connect(&at, NULL, SOON, &s, &err), ERR_IO);
    assert_non_null(strstr(err.text, "connection refused"));
    assert_non_null(strstr(err.text, "127.0.0.1:"));
    struct net_addr foreign;
    assert_int_equal(net_addr_parse(STR("192.0.2.77"), 0, &foreign), 0);
    assert_int_equal(stream_connect(&at, &foreign, SOON, &s, &err), ERR_IO);
    assert_non_null(strstr(err.text, "source address 192.0.2.77"));
    close(taken);
    /* A full backlog does not answer. */
    int fd = listen_loopback(&at);
    assert_int_equal(listen(fd, 0), 0);
    struct stream *first[4] = {0};
    int rc = 0;
    for (int i = 0; i < 4 && rc == 0; i++) rc = stream_connect(&at, NULL, loop_now_ms() + 50, &first[i], &err);
    assert_int_equal(rc, ERR_TIMEOUT);
    for (int i = 0; i < 4; i++) stream_free(first[i]);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_and_response),
        cmocka_unit_test(bytewise_peer),
        cmocka_unit_test(fill_flushes_first),
        cmocka_unit_test(timeout_leaves_the_stream_usable),
        cmocka_unit_test(orderly_end),
        cmocka_unit_test(end_while_waiting),
        cmocka_unit_test(half_closed_peer_gets_answers),
        cmocka_unit_test(input_limit),
        cmocka_unit_test(bulk_transfer),
        cmocka_unit_test(write_timeout_is_final),
        cmocka_unit_test(cancel_ends_a_fill),
        cmocka_unit_test(wait_for_input_or_news),
        cmocka_unit_test(news_during_the_flush),
        cmocka_unit_test(many_writers),
        cmocka_unit_test(many_writers_see_a_failure),
        cmocka_unit_test(long_printf),
        cmocka_unit_test(connect_errors),
        cmocka_unit_test(unread_bytes_come_again),
    };
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}

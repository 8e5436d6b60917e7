/* Listeners: sessions, limits (SMTPD-03), draining, binding errors (IMAPPOP-09, SMTPD-20). */
#include "net/listener.h"
#include "net/net_test.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int served, refused, cancelled_sessions;

static void echo(struct stream *s, void *arg) {
    (void)arg;
    served++;
    int rc;
    while ((rc = stream_fill(s, SOON)) == 0) {
        assert_int_equal(stream_put(s, stream_peek(s)), 0);
        stream_consume(s, stream_peek(s).len);
    }
    if (rc == ERR_CANCELLED) {
        cancelled_sessions++;
        assert_int_equal(stream_put(s, STR("421 closing\r\n")), 0);
        assert_int_equal(stream_flush(s), 0); /* what needs no wait works in a cancelled fiber */
    }
}

static void refuse(struct stream *s, const char *reason, void *arg) {
    (void)arg;
    refused++;
    assert_int_equal(stream_printf(s, "421 %s\r\n", reason), 0);
}

static const struct listener_ops echo_ops = {.serve = echo, .refuse = refuse};

static struct listener *start(const char *ip, const struct listener_limits *limits) {
    struct net_addr at;
    struct error err = {0};
    struct listener *l;
    int fd;
    served = refused = cancelled_sessions = 0;
    assert_int_equal(net_addr_parse(str_from(ip), 0, &at), 0);
    assert_int_equal(listener_bind(&at, &fd, &err), 0);
    assert_int_equal(listener_start("echo", fd, &echo_ops, NULL, limits, &l), 0);
    return l;
}

static struct stream *connect_to(const struct listener *l) {
    struct stream *s;
    struct error err = {0};
    assert_int_equal(stream_connect(listener_address(l), NULL, SOON, &s, &err), 0);
    return s;
}

static void expect(struct stream *s, const char *text) {
    struct str want = str_from(text);
    while (stream_peek(s).len < want.len) assert_int_equal(stream_fill(s, SOON), 0);
    assert_memory_equal(stream_peek(s).ptr, want.ptr, want.len);
    stream_consume(s, want.len);
}

static void ping(struct stream *s) {
    assert_int_equal(stream_put(s, STR("ping")), 0);
    expect(s, "ping");
}

static void wait_count(const struct listener *l, unsigned n) {
    while (listener_sessions(l) != n) assert_int_equal(fiber_sleep(1), 0);
}

FIBER_TEST(serves_many) {
    enum { MANY = 200 };
    static const char *const ips[] = {"127.0.0.1", "::1"};
    for (int k = 0; k < 2; k++) {
        struct listener *l = start(ips[k], NULL);
        struct stream *s[MANY];
        for (int i = 0; i < MANY; i++) s[i] = connect_to(l);
        for (int i = 0; i < MANY; i++) ping(s[i]);
        assert_int_equal(listener_sessions(l), MANY);
        assert_int_equal(listener_accepted(l), MANY);
        for (int i = 0; i < MANY; i++) stream_free(s[i]);
        wait_count(l, 0);
        assert_int_equal(served, MANY);
        listener_free(l);
    }
}

FIBER_TEST(accepted_sockets_have_no_delay) {
    struct listener *l = start("127.0.0.1", NULL);
    struct stream *s = connect_to(l);
    ping(s);
    /* The server's end is the only descriptor whose peer is ours. */
    int found = 0;
    for (int fd = 3; fd < 64; fd++) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0 || peer.sin_family != AF_INET) continue;
        if (ntohs(peer.sin_port) != stream_local(s)->port) continue;
        int on = 0;
        len = sizeof on;
        assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
        assert_int_equal(on, 1);
        found++;
    }
    assert_int_equal(found, 1);
    stream_free(s);
    listener_free(l);
}

/* SMTPD-03 */
FIBER_TEST(limit_of_sessions) {
    struct listener *l = start("127.0.0.1", &(struct listener_limits){.max_sessions = 2});
    struct stream *a = connect_to(l), *b = connect_to(l), *c = connect_to(l);
    ping(a);
    ping(b);
    expect(c, "421 too many sessions\r\n");
    assert_int_equal(stream_fill(c, SOON), ERR_CLOSED);
    stream_free(c);
    stream_free(a);
    wait_count(l, 1);
    c = connect_to(l);
    ping(c);
    listener_set_limits(l, &(struct listener_limits){.max_sessions = 3});
    a = connect_to(l);
    ping(a);
    stream_free(a);
    stream_free(b);
    stream_free(c);
    wait_count(l, 0);
    assert_int_equal(refused, 1);
    listener_free(l);
}

FIBER_TEST(limit_per_address) {
    struct listener *l = start("127.0.0.1", &(struct listener_limits){.max_per_address = 1});
    struct stream *a = connect_to(l), *b, *c;
    ping(a);
    b = connect_to(l);
    expect(b, "421 too many sessions from your address\r\n");
    struct net_addr other;
    struct error err;
    assert_int_equal(net_addr_parse(STR("127.0.0.2"), 0, &other), 0);
    assert_int_equal(stream_connect(listener_address(l), &other, SOON, &c, &err), 0);
    ping(c);
    stream_free(a);
    stream_free(b);
    wait_count(l, 1);
    a = connect_to(l);
    ping(a);
    stream_free(a);
    stream_free(c);
    wait_count(l, 0);
    listener_free(l);
}

FIBER_TEST(drain_waits_then_cancels) {
    struct listener *l = start("127.0.0.1", NULL);
    struct stream *a = connect_to(l), *b = connect_to(l);
    struct net_addr at = *listener_address(l);
    ping(a);
    ping(b);
    listener_stop(l);
    fiber_yield();
    struct stream *c;
    struct error err;
    assert_int_equal(stream_connect(&at, NULL, SOON, &c, &err), ERR_IO);
    ping(a); /* sessions go on */
    stream_free(b);
    wait_count(l, 1);
    listener_drain(l, loop_now_ms() + 5);
    assert_int_equal(listener_sessions(l), 0);
    assert_int_equal(cancelled_sessions, 1);
    expect(a, "421 closing\r\n");
    assert_int_equal(stream_fill(a, SOON), ERR_CLOSED);
    stream_free(a);
    listener_free(l);
}

FIBER_TEST(free_before_sessions_end) {
    struct listener *l = start("127.0.0.1", NULL);
    struct stream *a = connect_to(l);
    ping(a);
    listener_free(l);
    ping(a);
    stream_free(a);
}

FIBER_TEST(out_of_descriptors) {
    struct rlimit old, low;
    struct listener *l = start("127.0.0.1", NULL);
    struct net_addr at = *listener_address(l);
    struct stream *a = connect_to(l);
    ping(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_storage ss;
    socklen_t len = net_addr_to_sockaddr(&at, &ss);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = (rlim_t)fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), -1); /* in progress */
    assert_int_equal(fiber_sleep(20), 0);
    ping(a); /* who is in is served */
    assert_int_equal(listener_accepted(l), 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    wait_count(l, 2);
    close(fd);
    stream_free(a);
    listener_free(l);
}

/* IMAPPOP-09, SMTPD-20: port in use and not permitted are told with address and port. */
FIBER_TEST(bind_errors) {
    struct listener *l = start("127.0.0.1", NULL);
    struct net_addr at = *listener_address(l);
    struct error err = {0};
    int fd = -5;
    assert_int_equal(listener_bind(&at, &fd, &err), ERR_EXISTS);
    char want[128];
    (void)snprintf(want, sizeof want, "address 127.0.0.1 port %u is in use by process %d (listener_test)", at.port,
                   (int)getpid()); /* TRBL-09 */
    assert_string_equal(err.text, want);
    assert_int_equal(fd, -5);
    assert_int_equal(net_addr_parse(STR("192.0.2.77"), 2525, &at), 0);
    assert_int_equal(listener_bind(&at, &fd, &err), ERR_NOTFOUND);
    assert_non_null(strstr(err.text, "192.0.2.77 port 2525"));
    listener_free(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_many),
        cmocka_unit_test(accepted_sockets_have_no_delay),
        cmocka_unit_test(limit_of_sessions),
        cmocka_unit_test(limit_per_address),
        cmocka_unit_test(drain_waits_then_cancels),
        cmocka_unit_test(free_before_sessions_end),
        cmocka_unit_test(out_of_descriptors),
        cmocka_unit_test(bind_errors),
    };
    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}

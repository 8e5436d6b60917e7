/* Two streams made one (SMTPC-12: connections that were turned round). */
#include "net/net_test.h"

#include "net/join.h"

#include <stdbool.h>
#include <sys/socket.h>

struct rope {
    struct stream *left, *near, *far, *right;
    bool stop, over;
    int result;
};

static void pair(struct stream **a, struct stream **b) {
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(stream_open_fd(fds[0], a), 0);
    assert_int_equal(stream_open_fd(fds[1], b), 0);
}

static void join_main(void *arg) {
    struct rope *r = arg;
    const struct join_limits limits = {.idle_ms = 60 * 1000, .stop = &r->stop};
    r->result = stream_join(r->near, r->far, &limits);
    stream_free(r->near);
    stream_free(r->far);
    r->over = true;
}

static void send_text(struct stream *s, const char *text) {
    assert_int_equal(stream_put(s, str_from(text)), 0);
    assert_int_equal(stream_flush(s), 0);
}

static void expect(struct stream *s, const char *text) {
    struct str want = str_from(text);
    while (stream_peek(s).len < want.len) assert_int_equal(stream_fill(s, SOON), 0);
    assert_true(str_eq(stream_peek(s), want));
    stream_consume(s, want.len);
}

static void begin(struct rope *r) {
    *r = (struct rope){.over = false};
    pair(&r->left, &r->near);
    pair(&r->far, &r->right);
}

static void end(struct rope *r, int result) {
    while (!r->over) assert_int_equal(fiber_sleep(1), 0);
    assert_int_equal(r->result, result);
    stream_free(r->left);
    stream_free(r->right);
}

FIBER_TEST(both_ways) {
    struct rope r;
    begin(&r);
    send_text(r.left, "early ");
    send_text(r.right, "220 ");
    while (stream_peek(r.near).len == 0) assert_int_equal(stream_fill(r.near, SOON), 0);
    while (stream_peek(r.far).len == 0) assert_int_equal(stream_fill(r.far, SOON), 0);
    assert_int_equal(fiber_spawn("join", join_main, &r, NULL), 0);
    expect(r.right, "early "); /* what was received before */
    expect(r.left, "220 ");
    for (int i = 0; i < 50; i++) {
        send_text(r.left, "EHLO");
        expect(r.right, "EHLO");
        send_text(r.right, "250");
        expect(r.left, "250");
    }
    send_text(r.right, "221 bye");
    stream_free(r.right);
    r.right = NULL;
    expect(r.left, "221 bye"); /* before the end */
    assert_int_equal(stream_fill(r.left, SOON), ERR_CLOSED);
    end(&r, ERR_CLOSED);
}

FIBER_TEST(near_side_ends) {
    struct rope r;
    begin(&r);
    assert_int_equal(fiber_spawn("join", join_main, &r, NULL), 0);
    send_text(r.left, "QUIT");
    stream_free(r.left);
    r.left = NULL;
    expect(r.right, "QUIT");
    assert_int_equal(stream_fill(r.right, SOON), ERR_CLOSED);
    end(&r, ERR_CLOSED);
}

FIBER_TEST(told_to_stop) {
    struct rope r;
    begin(&r);
    assert_int_equal(fiber_spawn("join", join_main, &r, NULL), 0);
    send_text(r.left, "a");
    expect(r.right, "a");
    r.stop = true;
    send_text(r.left, "b");
    end(&r, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_ways), cmocka_unit_test(near_side_ends),
                                       cmocka_unit_test(told_to_stop)};
    return cmocka_run_group_tests_name("join", tests, NULL, NULL);
}

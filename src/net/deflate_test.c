/* Tests of deflate.c: RFC 4978 section 4: both directions, each flush can be read to its end, damage ends the stream.
 */
#include "net/deflate.h"

#include "net/net_test.h"

#include <string.h>
#include <sys/socket.h>

enum { MANY = 200 * 1000 };

struct ends {
    struct stream *a, *b;
};

static void open_ends(struct ends *e) {
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(stream_open_fd(fd[0], &e->a), 0);
    assert_int_equal(stream_open_fd(fd[1], &e->b), 0);
}

static void close_ends(struct ends *e) {
    stream_free(e->a);
    stream_free(e->b);
}

static void expect(struct stream *s, struct str want) {
    while (want.len > 0) {
        struct str got = stream_peek(s);
        if (got.len > want.len) got.len = want.len;
        assert_true(got.len == 0 || memcmp(got.ptr, want.ptr, got.len) == 0);
        want = str_sub(want, got.len, SIZE_MAX);
        stream_consume(s, got.len);
        if (want.len > 0) assert_int_equal(stream_fill(s, SOON), 0);
    }
    assert_int_equal(stream_peek(s).len, 0);
}

FIBER_TEST(both_directions) {
    struct ends e;
    open_ends(&e);
    assert_false(stream_is_deflated(e.a));
    assert_int_equal(deflate_start(e.a), 0);
    assert_int_equal(deflate_start(e.b), 0);
    assert_true(stream_is_deflated(e.a));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(stream_put(e.a, STR("a NOOP\r\n")), 0);
        assert_int_equal(stream_flush(e.a), 0);
        expect(e.b, STR("a NOOP\r\n"));
        assert_int_equal(stream_put(e.b, STR("a OK done\r\n")), 0);
        assert_int_equal(stream_flush(e.b), 0);
        expect(e.a, STR("a OK done\r\n"));
    }
    close_ends(&e);
}

static char bulk[MANY];

static void send_bulk(void *arg) {
    struct stream *s = arg;
    assert_int_equal(stream_put(s, str_of(bulk, MANY)), 0);
    assert_int_equal(stream_flush(s), 0);
}

FIBER_TEST(bulk_both_ways_of_compressing) {
    for (int noise = 0; noise < 2; noise++) {
        struct ends e;
        uint32_t seed = 1;
        open_ends(&e);
        assert_int_equal(deflate_start(e.a), 0);
        assert_int_equal(deflate_start(e.b), 0);
        for (size_t i = 0; i < MANY; i++) bulk[i] = noise ? (char)((seed = seed * 1103515245 + 12345) >> 16) : 'x';
        assert_int_equal(fiber_spawn("bulk", send_bulk, e.a, NULL), 0);
        expect(e.b, str_of(bulk, MANY));
        close_ends(&e);
    }
}

FIBER_TEST(damage) {
    struct ends e;
    open_ends(&e);
    assert_int_equal(deflate_start(e.b), 0);
    assert_int_equal(stream_put(e.a, STR("\xff\xff\xff\xff")), 0);
    assert_int_equal(stream_flush(e.a), 0);
    assert_int_equal(stream_fill(e.b, SOON), ERR_IO);
    close_ends(&e);
}

FIBER_TEST(orderly_end) {
    struct ends e;
    open_ends(&e);
    assert_int_equal(deflate_start(e.a), 0);
    assert_int_equal(deflate_start(e.b), 0);
    assert_int_equal(stream_put(e.a, STR("bye")), 0);
    assert_int_equal(stream_flush(e.a), 0);
    stream_free(e.a);
    e.a = NULL;
    expect(e.b, STR("bye"));
    assert_int_equal(stream_fill(e.b, SOON), ERR_CLOSED);
    close_ends(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions),
        cmocka_unit_test(bulk_both_ways_of_compressing),
        cmocka_unit_test(damage),
        cmocka_unit_test(orderly_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Packets of the responder's channel: descriptors travel, sizes are capped, rubbish is refused. */
#include "rpc/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int pair[2];

static int setup(void **state) {
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int teardown(void **state) {
    (void)state;
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static void test_descriptors(void **state) {
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    Control__Peer peer = CONTROL__PEER__INIT;
    peer.service = (char *)(uintptr_t) "store";
    assert_int_equal(packet_send(pair[0], &PACKET(PEER, peer, &peer), pipes, 2), 0);
    ARENA_AUTO arena = arena_new(65536);
    struct packet p;
    assert_int_equal(packet_wait(pair[1], 1000), 0);
    assert_int_equal(packet_receive(pair[1], arena, &p), 0);
    assert_int_equal(p.msg->kind_case, CONTROL__PACKET__KIND_PEER);
    assert_string_equal(p.msg->peer->service, "store");
    int r = packet_take_fd(&p), w = packet_take_fd(&p);
    assert_true(r >= 0 && w >= 0);
    assert_int_equal(packet_take_fd(&p), -1);
    assert_int_equal(write(w, "x", 1), 1);
    char c = 0;
    assert_int_equal(read(r, &c, 1), 1);
    assert_int_equal(c, 'x');
    close(r);
    close(w);
    close(pipes[0]);
    close(pipes[1]);
}

static void test_limits(void **state) {
    (void)state;
    ARENA_AUTO arena = arena_new(65536);
    struct packet p;
    assert_int_equal(packet_receive(pair[1], arena, &p), ERR_AGAIN);
    assert_int_equal(packet_wait(pair[1], 0), ERR_TIMEOUT);
    Control__LogFile log = CONTROL__LOG_FILE__INIT;
    log.level = calloc(1, PACKET_MAX + 1);
    memset(log.level, 'x', PACKET_MAX);
    assert_int_equal(packet_send(pair[0], &PACKET(LOG_FILE, log_file, &log), NULL, 0), ERR_LIMIT);
    log.level[100 * 1024] = '\0';
    packet_socket_setup(pair[0]);
    assert_int_equal(packet_send(pair[0], &PACKET(LOG_FILE, log_file, &log), NULL, 0), 0);
    free(log.level);
    assert_int_equal(packet_receive(pair[1], arena, &p), ERR_CORRUPT); /* arena too small */
    assert_int_equal(send(pair[0], "\xff\xff\xff", 3, 0), 3);
    assert_int_equal(packet_receive(pair[1], arena, &p), ERR_CORRUPT);
    close(pair[0]);
    assert_int_equal(packet_receive(pair[1], arena, &p), ERR_CLOSED);
    Control__Ping ping = CONTROL__PING__INIT;
    pair[0] = dup(pair[1]);
    assert_int_equal(packet_send(pair[1], &PACKET(PING, ping, &ping), NULL, 0), ERR_CLOSED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

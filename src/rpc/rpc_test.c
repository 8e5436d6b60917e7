/* Client and server over socket pairs: concurrency, reconnection, errors, roles, limits, rubbish, slow readers. */
#include "net/fiber.h"
#include "net/loop.h"
#include "net/net_test.h"
#include "rpc/frame.h"
#include "rpc/store_methods.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 300, BIG = 3 * 1024 * 1024 };

/* A service of a few methods of the store's table, made for the test:
 * QUEUE_READ echoes attachment and id; UPLOAD_NEW waits size_hint ms, in a fiber; UPLOAD_DROP fails with a text;
 * UPLOAD_APPEND is answered later, by QUEUE_STATS; STATUS sends size events. */
static struct {
    struct rpc_server *server;
    struct rpc_client *client;
    uint32_t role;
    bool unreachable;
    unsigned sleeps, connects, disconnects, events, refused, opened, closed;
    size_t event_bytes;
    char refused_text[200];
    struct rpc_request *later[8];
    size_t later_count;
    struct rpc_session *last;
    int event_rc;
    void (*body)(void);
    bool done;
} t;

static int handle_read(struct rpc_request *r, struct error *err, void *arg) {
    (void)err;
    (void)arg;
    const Store__QueueRead *q = (const void *)r->msg;
    Store__QueueReadReply reply = STORE__QUEUE_READ_REPLY__INIT;
    reply.total = q->id;
    rpc_answer(r, &reply.base, r->attach);
    return 0;
}

static int handle_sleep(struct rpc_request *r, struct error *err, void *arg) {
    (void)err;
    (void)arg;
    const Store__UploadNew *q = (const void *)r->msg;
    t.sleeps++;
    (void)!fiber_sleep(q->size_hint);
    Store__UploadHandle reply = STORE__UPLOAD_HANDLE__INIT;
    reply.upload = q->size_hint;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int handle_fail(struct rpc_request *r, struct error *err, void *arg) {
    (void)arg;
    const Store__UploadDrop *q = (const void *)r->msg;
    return q->upload == 0 ? ERR_NOTFOUND : error_set(err, ERR_CONFLICT, "no upload %d", (int)q->upload);
}

static int handle_later(struct rpc_request *r, struct error *err, void *arg) {
    (void)err;
    (void)arg;
    t.later[t.later_count++] = r;
    return RPC_LATER;
}

static int handle_release(struct rpc_request *r, struct error *err, void *arg) {
    (void)err;
    (void)arg;
    while (t.later_count > 0) {
        struct rpc_request *q = t.later[--t.later_count];
        Store__Empty empty = STORE__EMPTY__INIT;
        rpc_answer(q, &empty.base, q->attach);
    }
    Store__QueueStats reply = STORE__QUEUE_STATS__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int handle_events(struct rpc_request *r, struct error *err, void *arg) {
    (void)err;
    (void)arg;
    static char big[1024 * 1024];
    Store__StoreStatus status = STORE__STORE_STATUS__INIT;
    t.event_rc = 0;
    for (int i = 0; i < 3 && t.event_rc == 0; i++) {
        t.event_rc = rpc_session_event(r->session, STORE_EVENT_STATUS, &status.base, str_of(big, sizeof big));
    }
    rpc_answer(r, &status.base, STR_EMPTY);
    return 0;
}

static int handle_flood(struct rpc_request *r, struct error *err, void *arg) {
    (void)err;
    (void)arg;
    static char big[1024 * 1024];
    Store__StoreStatus status = STORE__STORE_STATUS__INIT;
    t.event_rc = 0;
    for (int i = 0; i < 40 && t.event_rc == 0; i++) {
        t.event_rc = rpc_session_event(r->session, STORE_EVENT_STATUS, &status.base, str_of(big, sizeof big));
    }
    return ERR_AGAIN;
}

static const struct rpc_server_method methods[] = {
    {STORE_QUEUE_READ, handle_read, false},     {STORE_UPLOAD_NEW, handle_sleep, true},
    {STORE_UPLOAD_DROP, handle_fail, true},     {STORE_UPLOAD_APPEND, handle_later, false},
    {STORE_QUEUE_STATS, handle_release, false}, {STORE_STATUS, handle_events, false},
    {STORE_ACCOUNT_INFO, handle_read, false},   {STORE_QUOTA_GET, handle_flood, false},
};

static void on_opened(struct rpc_session *s, void *arg) {
    (void)arg;
    t.opened++;
    t.last = s;
}

static void on_closed(struct rpc_session *s, void *arg) {
    (void)arg;
    t.closed++;
    if (t.last == s) t.last = NULL;
}

static void on_refused(struct rpc_session *s, const char *method, const char *why, void *arg) {
    (void)arg;
    t.refused++;
    snprintf(t.refused_text, sizeof t.refused_text, "%s %s: %s", rpc_session_name(s), method, why);
}

static const struct rpc_server_ops server_ops = {
    .methods = methods,
    .count = sizeof methods / sizeof methods[0],
    .session_opened = on_opened,
    .session_closed = on_closed,
    .refused = on_refused,
};

static int on_connect(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    (void)arg;
    (void)deadline_ms;
    int pair[2];
    if (t.unreachable) return error_set(err, ERR_IO, "nobody there");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return ERR_IO;
    assert_int_equal(rpc_server_add(t.server, pair[0], t.role, "tester"), 0);
    *fd = pair[1];
    t.connects++;
    return 0;
}

static void on_disconnected(struct rpc_client *c, void *arg) {
    (void)c;
    (void)arg;
    t.disconnects++;
}

static void on_event(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach, void *arg) {
    (void)c;
    (void)arg;
    assert_int_equal(method, STORE_EVENT_STATUS);
    assert_non_null(msg);
    t.events++;
    t.event_bytes += attach.len;
}

static const struct rpc_client_ops client_ops = {
    .connect = on_connect, .disconnected = on_disconnected, .event = on_event};

static void runner(void *arg) {
    (void)arg;
    assert_int_equal(rpc_server_new(&store_service, &server_ops, NULL, &t.server), 0);
    assert_int_equal(rpc_client_new(&store_service, &client_ops, NULL, &t.client), 0);
    t.body();
    rpc_client_free(t.client);
    rpc_server_free(t.server);
    t.done = true;
    loop_stop();
}

static void run(void (*body)(void)) {
    struct error err;
    memset(&t, 0, sizeof t);
    t.role = ROLE_MTA | ROLE_SMTPD;
    t.body = body;
    loop_abandon(); /* of a test that failed */
    assert_int_equal(loop_init(&err), 0);
    assert_int_equal(fiber_spawn("test", runner, NULL, NULL), 0);
    loop_run();
    assert_true(t.done);
    loop_done();
}

static int read_call(uint64_t id, struct str attach, struct rpc_reply *reply, struct error *err) {
    Store__QueueRead q = STORE__QUEUE_READ__INIT;
    q.id = id;
    return rpc_call(t.client, STORE_QUEUE_READ, &q.base, attach, SOON, reply, err);
}

static uint64_t reply_total(const struct rpc_reply *r) {
    return ((const Store__QueueReadReply *)(const void *)r->msg)->total;
}

static void body_sizes(void) {
    static const size_t sizes[] = {0, 1, 100, 16383, 16384, 65535, 65536, 262144, BIG};
    char *data = malloc(BIG);
    assert_non_null(data);
    for (size_t i = 0; i < BIG; i++) data[i] = (char)(i * 7 + i / 251);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct error err = {0};
        RPC_REPLY_AUTO reply = {0};
        assert_int_equal(read_call(i + 1, str_of(data, sizes[i]), &reply, &err), 0);
        assert_int_equal(reply_total(&reply), i + 1);
        assert_int_equal(reply.attach.len, sizes[i]);
        assert_memory_equal(reply.attach.len == 0 ? data : reply.attach.ptr, data, sizes[i]);
    }
    struct error err = {0};
    assert_int_equal(read_call(1, str_of(data, RPC_FRAME_MAX), NULL, &err), ERR_LIMIT);
    assert_string_equal(err.text, "store: QUEUE_READ: too large");
    assert_int_equal(read_call(1, STR("still well"), NULL, &err), 0);
    free(data);
}

static void test_sizes(void **state) {
    (void)state;
    run(body_sizes);
}

static unsigned finished;

static void one_sleeper(void *arg) {
    uint64_t ms = (uint64_t)(uintptr_t)arg;
    Store__UploadNew q = STORE__UPLOAD_NEW__INIT;
    q.size_hint = ms;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    assert_int_equal(rpc_call(t.client, STORE_UPLOAD_NEW, &q.base, STR_EMPTY, DEADLINE_NEVER, &reply, &err), 0);
    assert_int_equal(((Store__UploadHandle *)(void *)reply.msg)->upload, ms);
    finished++;
}

static void one_echo(void *arg) {
    size_t n = (size_t)(uintptr_t)arg;
    char data[4096];
    memset(data, (int)(n & 0xff), sizeof data);
    for (int i = 0; i < 20; i++) {
        RPC_REPLY_AUTO reply = {0};
        struct error err = {0};
        assert_int_equal(read_call(n, str_of(data, sizeof data), &reply, &err), 0);
        assert_int_equal(reply_total(&reply), n);
        assert_true(str_eq(reply.attach, str_of(data, sizeof data)));
    }
    finished++;
}

static void body_concurrent(void) {
    finished = 0;
    for (uintptr_t i = 0; i < MANY; i++) {
        assert_int_equal(fiber_spawn("s", i % 2 == 0 ? one_sleeper : one_echo, (void *)(i % 50), NULL), 0);
    }
    while (finished < MANY) assert_int_equal(fiber_sleep(5), 0);
    assert_int_equal(t.connects, 1);
}

static void test_concurrent(void **state) {
    (void)state;
    run(body_concurrent);
}

/* More calls than may be under way: all are answered, in turn. */
static void body_in_flight(void) {
    enum { CALLS = RPC_IN_FLIGHT_MAX + 200 };
    finished = 0;
    for (uintptr_t i = 0; i < CALLS; i++) assert_int_equal(fiber_spawn("s", one_sleeper, (void *)20, NULL), 0);
    while (finished < CALLS) assert_int_equal(fiber_sleep(5), 0);
}

static void test_in_flight(void **state) {
    (void)state;
    run(body_in_flight);
}

static void body_errors(void) {
    struct error err = {0};
    Store__UploadDrop drop = STORE__UPLOAD_DROP__INIT;
    uint64_t deadline = SOON;
    assert_int_equal(rpc_call(t.client, STORE_UPLOAD_DROP, &drop.base, STR_EMPTY, deadline, NULL, &err), ERR_NOTFOUND);
    assert_string_equal(err.text, "not found");
    drop.upload = 9;
    assert_int_equal(rpc_call(t.client, STORE_UPLOAD_DROP, &drop.base, STR_EMPTY, deadline, NULL, &err), ERR_CONFLICT);
    assert_string_equal(err.text, "no upload 9");
    /* role check: ACCOUNT_INFO is for dir and the command line */
    Store__AccountId account = STORE__ACCOUNT_ID__INIT;
    assert_int_equal(t.refused, 0);
    assert_int_equal(rpc_call(t.client, STORE_ACCOUNT_INFO, &account.base, STR_EMPTY, deadline, NULL, &err),
                     ERR_DENIED);
    assert_int_equal(t.refused, 1);
    assert_string_equal(t.refused_text, "tester ACCOUNT_INFO: not permitted to this role");
    /* in the table, but nobody handles it */
    Store__QueueList list = STORE__QUEUE_LIST__INIT;
    assert_int_equal(rpc_call(t.client, STORE_QUEUE_LIST, &list.base, STR_EMPTY, deadline, NULL, &err),
                     ERR_UNSUPPORTED);
    assert_int_equal(t.connects, 1);
}

static void test_errors(void **state) {
    (void)state;
    run(body_errors);
}

static void body_timeout(void) {
    struct error err = {0};
    Store__UploadNew q = STORE__UPLOAD_NEW__INIT;
    q.size_hint = 100;
    uint64_t deadline = loop_now_ms() + 20;
    assert_int_equal(rpc_call(t.client, STORE_UPLOAD_NEW, &q.base, STR_EMPTY, deadline, NULL, &err), ERR_TIMEOUT);
    assert_string_equal(err.text, "store: UPLOAD_NEW: no answer in the time allowed");
    one_echo((void *)3);
    assert_int_equal(fiber_sleep(150), 0); /* the late answer meets nobody */
    one_echo((void *)4);
    assert_int_equal(t.connects, 1);
}

static void test_timeout(void **state) {
    (void)state;
    run(body_timeout);
}

static void body_later(void) {
    struct error err = {0};
    Store__QueueStats *stats = NULL;
    (void)stats;
    finished = 0;
    assert_int_equal(fiber_spawn("echo", one_echo, (void *)1, NULL), 0);
    while (finished < 1) assert_int_equal(fiber_sleep(1), 0);
    Store__UploadAppend append = STORE__UPLOAD_APPEND__INIT;
    uint64_t soon = loop_now_ms() + 20;
    assert_int_equal(rpc_call(t.client, STORE_UPLOAD_APPEND, &append.base, STR("kept"), soon, NULL, &err), ERR_TIMEOUT);
    net_test_settle();
    assert_int_equal(t.later_count, 1);
    assert_true(str_eq(t.later[0]->attach, STR("kept")));
    Store__Empty empty = STORE__EMPTY__INIT;
    assert_int_equal(rpc_call(t.client, STORE_QUEUE_STATS, &empty.base, STR_EMPTY, SOON, NULL, &err), 0);
    assert_int_equal(t.later_count, 0);
    /* a request may be answered after its session has gone */
    soon = loop_now_ms() + 20;
    assert_int_equal(rpc_call(t.client, STORE_UPLOAD_APPEND, &append.base, STR("x"), soon, NULL, &err), ERR_TIMEOUT);
    net_test_settle();
    rpc_session_close(t.last);
    assert_int_equal(t.closed, 1);
    rpc_fail(t.later[--t.later_count], ERR_CANCELLED, "too late");
}

static void test_later(void **state) {
    (void)state;
    run(body_later);
}

static void breaker(void *arg) {
    (void)arg;
    (void)!fiber_sleep(20);
    rpc_session_close(t.last);
}

/* LIM-13: again and again until the other side is there; calls wait for it. */
static void body_reconnect(void) {
    struct error err = {0};
    one_echo((void *)1);
    assert_int_equal(fiber_spawn("breaker", breaker, NULL, NULL), 0);
    Store__UploadNew q = STORE__UPLOAD_NEW__INIT;
    q.size_hint = 100;
    assert_int_equal(rpc_call(t.client, STORE_UPLOAD_NEW, &q.base, STR_EMPTY, SOON, NULL, &err), ERR_IO);
    assert_string_equal(err.text, "store: UPLOAD_NEW: the peer closed the connection");
    one_echo((void *)2); /* waits for the new connection */
    assert_int_equal(t.connects, 2);
    assert_int_equal(t.disconnects, 1);
    rpc_client_reset(t.client);
    assert_false(rpc_client_is_connected(t.client));
    one_echo((void *)3);
    assert_int_equal(t.connects, 3);
    t.unreachable = true;
    rpc_client_reset(t.client);
    Store__QueueRead r = STORE__QUEUE_READ__INIT;
    assert_int_equal(rpc_call(t.client, STORE_QUEUE_READ, &r.base, STR_EMPTY, loop_now_ms() + 100, NULL, &err),
                     ERR_TIMEOUT);
    assert_string_equal(err.text, "store: QUEUE_READ: no connection in the time allowed");
    t.unreachable = false;
    one_echo((void *)5);
}

static void test_reconnect(void **state) {
    (void)state;
    run(body_reconnect);
}

static void body_events(void) {
    struct error err = {0};
    Store__Empty empty = STORE__EMPTY__INIT;
    assert_int_equal(rpc_call(t.client, STORE_STATUS, &empty.base, STR_EMPTY, SOON, NULL, &err), 0);
    assert_int_equal(t.events, 3);
    assert_int_equal(t.event_bytes, 3 * 1024 * 1024);
}

static void test_events(void **state) {
    (void)state;
    run(body_events);
}

/* A raw peer: what the server does with bytes that no client of ours would send. */
static int raw_peer(uint32_t role) {
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(rpc_server_add(t.server, pair[0], role, "raw"), 0);
    return pair[1];
}

static bool raw_closed(int fd) {
    char data[65536];
    for (int i = 0; i < 400; i++) {
        ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno == ECONNRESET)) return true;
        if (n < 0 && fiber_sleep(5) != 0) break;
    }
    return false;
}

static void body_garbage(void) {
    static const struct {
        const char *what, *wire;
        size_t len;
    } cases[] = {
        {"not a frame", "GET / HTTP/1.0\r\n\r\n", 18},
        {"oversize", "\xff\xff\xff\x7f", 4},
        {"a reply to a server", "\x0c\0\0\0\x01\0\0\0\x0a\0\x02\0\0\0\0\0", 16},
        {"not a protobuf", "\x0d\0\0\0\x01\0\0\0\x0e\0\x01\0\x01\0\0\0\xff", 17},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int bytewise = 0; bytewise < 2; bytewise++) {
            int fd = raw_peer(ROLE_MTA);
            unsigned before = t.refused;
            for (size_t at = 0; at < cases[i].len; at += bytewise ? 1 : cases[i].len) {
                (void)!send(fd, cases[i].wire + at, bytewise ? 1 : cases[i].len, MSG_NOSIGNAL);
                if (bytewise) assert_int_equal(fiber_sleep(1), 0);
            }
            assert_true(raw_closed(fd));
            assert_int_equal(t.refused, before + 1);
            close(fd);
        }
    }
    one_echo((void *)1); /* others are not touched */
}

static void test_garbage(void **state) {
    (void)state;
    run(body_garbage);
}

/* A peer that asks and never reads: replies wait, then its requests wait; pushed events beyond the maximum end it. */
static void body_slow_reader(void) {
    int fd = raw_peer(ROLE_MTA);
    unsigned char head[RPC_HEAD_SIZE];
    assert_int_equal(rpc_frame_head(head, 1, STORE_QUOTA_GET, RPC_REQUEST, 0, 0), 0);
    unsigned closed = t.closed;
    t.last = NULL;
    int fd2 = raw_peer(ROLE_IMAPD);
    assert_int_equal(send(fd2, head, sizeof head, 0), (int)sizeof head);
    WAIT_UNTIL(t.closed != closed);
    assert_int_equal(t.event_rc, ERR_LIMIT);
    assert_int_equal(t.closed, closed + 1);
    close(fd2);
    /* requests without end: reading pauses, memory does not grow */
    char *request = calloc(1, RPC_HEAD_SIZE + 65536);
    assert_non_null(request);
    assert_int_equal(rpc_frame_head((unsigned char *)request, 1, STORE_QUEUE_READ, RPC_REQUEST, 0, 65536), 0);
    struct rpc_session *s = t.last;
    size_t sent = 0;
    (void)s;
    for (int i = 0; i < 300; i++) {
        ssize_t n = send(fd, request, RPC_HEAD_SIZE + 65536, MSG_NOSIGNAL);
        if (n == RPC_HEAD_SIZE + 65536)
            sent += (size_t)n;
        else if (n >= 0)
            break; /* cut in the middle: stop here */
        else if (fiber_sleep(1) != 0)
            break;
    }
    assert_true(sent < 16 * 1024 * 1024);
    assert_int_equal(t.closed, closed + 1); /* patience: it may read one day */
    close(fd);
    free(request);
    one_echo((void *)1);
}

static void test_slow_reader(void **state) {
    (void)state;
    run(body_slow_reader);
}

static void body_bytewise(void) {
    char wire[RPC_HEAD_SIZE + 5 + 3];
    Store__QueueRead q = STORE__QUEUE_READ__INIT;
    q.id = 300;
    size_t body = store__queue_read__pack(&q, (uint8_t *)wire + RPC_HEAD_SIZE);
    assert_int_equal(rpc_frame_head((unsigned char *)wire, 42, STORE_QUEUE_READ, RPC_REQUEST, body, 3), 0);
    memcpy(wire + RPC_HEAD_SIZE + body, "xyz", 3);
    int fd = raw_peer(ROLE_MTA);
    for (size_t i = 0; i < RPC_HEAD_SIZE + body + 3; i++) {
        assert_int_equal(send(fd, wire + i, 1, 0), 1);
        assert_int_equal(fiber_sleep(1), 0);
    }
    char back[64];
    net_test_settle();
    ssize_t n = recv(fd, back, sizeof back, MSG_DONTWAIT);
    assert_int_equal(n, RPC_HEAD_SIZE + body + 3);
    assert_memory_equal(back + n - 3, "xyz", 3);
    close(fd);
}

static void test_bytewise(void **state) {
    (void)state;
    run(body_bytewise);
}

/* A peer that asks and is gone at once: session_closed comes before the fiber of the request runs, which then must not
 * touch what belonged to the session. */
static void body_gone_at_once(void) {
    unsigned char head[RPC_HEAD_SIZE];
    assert_int_equal(rpc_frame_head(head, 1, STORE_UPLOAD_NEW, RPC_REQUEST, 0, 0), 0);
    unsigned closed = t.closed, sleeps = t.sleeps;
    int fd = raw_peer(ROLE_SMTPD);
    net_test_settle(); /* it waits now, and is told of both at the same time */
    assert_int_equal(send(fd, head, sizeof head, 0), (int)sizeof head);
    close(fd);
    WAIT_UNTIL(t.closed != closed);
    net_test_settle();
    assert_int_equal(t.closed, closed + 1);
    assert_int_equal(t.sleeps, sleeps);
    one_echo((void *)1);
}

static void test_gone_at_once(void **state) {
    (void)state;
    run(body_gone_at_once);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),       cmocka_unit_test(test_concurrent), cmocka_unit_test(test_in_flight),
        cmocka_unit_test(test_errors),      cmocka_unit_test(test_timeout),    cmocka_unit_test(test_later),
        cmocka_unit_test(test_reconnect),   cmocka_unit_test(test_events),     cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_slow_reader), cmocka_unit_test(test_bytewise),   cmocka_unit_test(test_gone_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

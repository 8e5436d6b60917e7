/* What is known of domains that are not ours (MTA-02): learned, void with a change of the directory's domains at once.
 */
#include "daemon/foreign.h"

#include "net/net_test.h"

#include <stdio.h>
#include <sys/socket.h>

static struct rpc_server *server;
static struct rpc_session *peer;
static struct rpc_client *client;
static struct foreign foreign;
static unsigned watches;

static int on_watch(struct rpc_request *r, struct error *err, void *arg) {
    (void)err, (void)arg;
    Dir__Empty empty = DIR__EMPTY__INIT;
    peer = r->session;
    watches++;
    rpc_answer(r, &empty.base, STR_EMPTY);
    return 0;
}

static int do_connect(void *arg, uint64_t deadline, int *fd, struct error *err) {
    int sv[2];
    (void)arg, (void)deadline, (void)err;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) != 0) return ERR_IO;
    *fd = sv[1];
    return rpc_server_add(server, sv[0], ROLE_MTA, "mta");
}

static void on_event(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach, void *arg) {
    (void)c, (void)msg, (void)attach;
    foreign_event(arg, method);
}

static void on_disconnected(struct rpc_client *c, void *arg) {
    (void)c;
    foreign_disconnected(arg);
}

static bool has(const char *address) {
    return foreign_has(&foreign, str_from(address));
}

static void learn(const char *address) {
    foreign_learn(&foreign, str_from(address), foreign.round);
}

/* The first answer asks the directory to tell of changes. */
static void watch(void) {
    assert_false(foreign.watching);
    learn("a@first.example");
    WAIT_UNTIL(foreign.watching);
    assert_false(has("a@first.example"));
}

static void tell(void) {
    Dir__Empty empty = DIR__EMPTY__INIT;
    assert_int_equal(rpc_session_event(peer, DIR_EVENT_DOMAINS, &empty.base, STR_EMPTY), 0);
    rpc_session_flush(peer);
}

static void addresses(void) {
    static const struct {
        const char *learned, *asked;
        bool known;
    } cases[] = {
        {"a@far.example", "b@far.example", true},
        {"a@Far2.example", "B@FAR2.EXAMPLE", true},
        {"a@far3.example", "a@sub.far3.example", false},
        {"a@sub.far4.example", "a@far4.example", false},
        {"\"a b\"@far5.example", "a@far5.example", false}, /* the directory looks at the whole of it */
        {"a@far6.example", "\"a\"@far6.example", false},
        {"a@f\xc3\xbcr.example", "a@f\xc3\xbcr.example", false},
        {"a@[192.0.2.1]", "a@[192.0.2.1]", false},
        {"postmaster", "postmaster", false},
        {"a@", "a@", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(has(cases[i].asked));
        learn(cases[i].learned);
        if (has(cases[i].asked) != cases[i].known) fail_msg("%s after %s", cases[i].asked, cases[i].learned);
    }
}

static void full(void) {
    char address[64];
    for (unsigned i = 0; i <= FOREIGN_DOMAINS_MAX; i++) {
        (void)snprintf(address, sizeof address, "a@n%u.example", i);
        learn(address);
        assert_true(has(address));
        assert_in_range(map_count(foreign.domains), 1, FOREIGN_DOMAINS_MAX);
    }
}

FIBER_TEST(domains) {
    static const struct rpc_server_method methods[] = {{DIR_DOMAINS_WATCH, on_watch, false}};
    static const struct rpc_server_ops server_ops = {.methods = methods, .count = 1};
    static const struct rpc_client_ops client_ops = {
        .connect = do_connect, .disconnected = on_disconnected, .event = on_event};
    learn("a@nobody.example"); /* without a directory nothing happens */
    assert_int_equal(foreign_init(&foreign), 0);
    assert_int_equal(rpc_server_new(&dir_service, &server_ops, NULL, &server), 0);
    assert_int_equal(rpc_client_new(&dir_service, &client_ops, &foreign, &client), 0);
    foreign.dir = client;
    watch();
    addresses();
    full();
    learn("a@far.example");
    assert_true(has("a@far.example"));
    uint64_t before = foreign.round;
    tell(); /* it is in the socket, and nobody has read it yet */
    assert_false(has("a@far.example"));
    WAIT_UNTIL(!foreign.watching);
    assert_int_equal(map_count(foreign.domains), 0);
    assert_int_equal(watches, 1);
    watch(); /* again, now that the directory has told once */
    assert_int_equal(watches, 2);
    foreign_learn(&foreign, STR("a@late.example"), before); /* an answer from before the change */
    assert_false(has("a@late.example"));
    learn("a@far.example");
    assert_true(has("a@far.example"));
    rpc_client_reset(client);
    assert_false(has("a@far.example"));
    watch();
    foreign_done(&foreign);
    rpc_client_free(client);
    for (int i = 0; i < 200 && fiber_count() > 1; i++) (void)!fiber_sleep(10);
    rpc_server_free(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(domains)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Who may use IMAP and POP3, and how often: IMAPPOP-05, SMTPD-03, LIM-51. */
#include "net/net_test.h"

#include "daemon/gate.h"

#include <sys/socket.h>

static const char rows_text[] =
    "192.0.2.0/24 imap=deny\n192.0.2.7 imap=allow pop3=deny\n198.51.100.0/24 max_sessions=1\n"
    "203.0.113.1 proxy=yes\n2001:db8::/32 imap=allow\n";

static struct rows *rows;

static struct net_addr address(const char *text) {
    struct net_addr a;
    assert_int_equal(net_addr_parse(str_from(text), 1000, &a), 0);
    return a;
}

static void gate_make(struct gate *g, const char *column) {
    struct error err = {0};
    assert_int_equal(gate_init(g, column), 0);
    assert_int_equal(rows_parse(table_find(STR("access")), str_from(rows_text), &rows, &err), 0);
    g->rows = rows;
}

static void gate_end(struct gate *g) {
    gate_done(g);
    rows_free(rows);
}

static void allowed(void **state) {
    (void)state;
    static const struct {
        const char *column;
        bool control, by_default;
        const char *exceptions, *peer;
        bool allowed;
    } cases[] = {
        {"imap", false, false, "", "10.0.0.1", true},
        {"imap", true, false, "", "10.0.0.1", false},
        {"imap", true, true, "", "10.0.0.1", true},
        {"imap", true, false, "10.0.0.0/8", "10.0.0.1", true},
        {"imap", true, true, "10.0.0.0/8", "10.0.0.1", false},
        {"imap", false, false, "", "192.0.2.8", false}, /* the row goes before all options */
        {"imap", true, true, "192.0.2.8", "192.0.2.8", false},
        {"imap", false, false, "", "192.0.2.7", true}, /* the narrowest row counts */
        {"pop3", false, false, "", "192.0.2.7", false},
        {"pop3", false, false, "", "192.0.2.8", true},
        {"imap", true, false, "", "2001:db8::1", true},
        {"pop3", true, false, "", "2001:db8::1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gate g;
        struct error err = {0};
        struct net_addr peer = address(cases[i].peer);
        gate_make(&g, cases[i].column);
        g.control = cases[i].control;
        g.default_allow = cases[i].by_default;
        assert_int_equal(gate_set_exceptions(&g, str_from(cases[i].exceptions), &err), 0);
        if (gate_allows(&g, &peer) != cases[i].allowed) fail_msg("case %zu", i);
        gate_end(&g);
    }
}

static void exceptions_stay(void **state) {
    (void)state;
    struct gate g;
    struct error err = {0};
    gate_make(&g, "imap");
    assert_int_equal(gate_set_exceptions(&g, STR("10.0.0.0/8"), &err), 0);
    assert_int_equal(gate_set_exceptions(&g, STR("10.0.0.0/99"), &err), ERR_INVALID);
    assert_int_equal(g.exception_count, 1);
    gate_end(&g);
}

/* One connection that says `text` first. */
static int enter(struct gate *g, const char *ip, struct str text, struct gate_pass *pass) {
    int pair[2];
    struct stream *server, *client;
    struct error err = {0};
    struct net_addr peer = address(ip);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(stream_open_fd(pair[0], &client), 0);
    assert_int_equal(stream_open_fd(pair[1], &server), 0);
    stream_set_peer(server, &peer);
    assert_int_equal(stream_put(client, text), 0);
    assert_int_equal(stream_flush(client), 0);
    int rc = gate_enter(g, server, pass, &err);
    stream_free(client);
    stream_free(server);
    return rc;
}

FIBER_TEST(entering) {
    static const struct {
        const char *ip, *text;
        int rc;
        const char *peer; /* that it counts for */
    } cases[] = {
        {"10.0.0.1", "", 0, "10.0.0.1"},
        {"192.0.2.8", "", ERR_DENIED, NULL},
        {"203.0.113.1", "PROXY TCP4 10.0.0.9 10.0.0.2 5000 143\r\n", 0, "10.0.0.9"},
        {"203.0.113.1", "PROXY TCP4 192.0.2.9 10.0.0.2 5000 143\r\n", ERR_DENIED, NULL},
        {"203.0.113.1", "a LOGIN x y\r\n", ERR_INVALID, NULL},
        {"10.0.0.1", "PROXY TCP4 192.0.2.9 10.0.0.2 5000 143\r\n", 0, "10.0.0.1"}, /* not a front end */
    };
    struct gate g;
    gate_make(&g, "imap");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gate_pass pass;
        char text[NET_ADDR_TEXT_MAX];
        int rc = enter(&g, cases[i].ip, str_from(cases[i].text), &pass);
        if (rc != cases[i].rc) fail_msg("case %zu: %s", i, err_name(rc));
        if (rc != 0) continue;
        net_addr_ip_text(&pass.peer, text);
        assert_string_equal(text, cases[i].peer);
        gate_leave(&g, &pass);
    }
    assert_int_equal(g.refused, 2);
    assert_int_equal(g.bad_proxy, 1);
    gate_end(&g);
}

FIBER_TEST(limits) {
    struct gate g;
    struct gate_pass first, second, third;
    gate_make(&g, "imap");
    g.max_per_address = 2;
    assert_int_equal(enter(&g, "198.51.100.1", STR_EMPTY, &first), 0);
    assert_int_equal(enter(&g, "198.51.100.2", STR_EMPTY, &second), ERR_LIMIT); /* of the network */
    gate_leave(&g, &first);
    assert_int_equal(enter(&g, "198.51.100.2", STR_EMPTY, &first), 0);
    gate_leave(&g, &first);
    assert_int_equal(enter(&g, "10.0.0.1", STR_EMPTY, &first), 0);
    assert_int_equal(enter(&g, "10.0.0.1", STR_EMPTY, &second), 0);
    assert_int_equal(enter(&g, "10.0.0.1", STR_EMPTY, &third), ERR_LIMIT); /* of the address */
    gate_leave(&g, &first);
    assert_int_equal(enter(&g, "10.0.0.1", STR_EMPTY, &third), 0);
    gate_leave(&g, &second);
    gate_leave(&g, &third);
    assert_int_equal(map_count(g.counting.own.sessions), 0);
    gate_end(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(allowed), cmocka_unit_test(exceptions_stay),
                                       cmocka_unit_test(entering), cmocka_unit_test(limits)};
    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}

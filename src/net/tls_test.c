/* TLS over socket pairs with certificates made here: both versions, names, channel bindings, failures. */
#include "net/net_test.h"
#include "net/stream_private.h"
#include "net/tls_private.h"
#include "net/tls_test_cert.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct buf pem = BUF_INIT(65536), cert = BUF_INIT(65536), key = BUF_INIT(65536);
static struct tls_server *server;
static struct tls_client *trusting, *strange; /* with the server's certificate as root, with another */

static void setup(void) {
    struct error err = {0};
    struct buf other = BUF_INIT(65536), other_key = BUF_INIT(65536);
    buf_done(&pem);
    buf_done(&cert);
    buf_done(&key);
    test_cert("DNS:mail.example.test,DNS:*.wild.test,IP:127.0.0.1", &cert, &key);
    test_cert("DNS:mail.example.test", &other, &other_key);
    buf_add(&pem, buf_str(&key)); /* the key may stand anywhere */
    buf_add(&pem, buf_str(&cert));
    assert_int_equal(tls_server_new(buf_str(&pem), &server, &err), 0);
    assert_int_equal(tls_client_new(buf_str(&cert), &trusting, &err), 0);
    assert_int_equal(tls_client_new(buf_str(&other), &strange, &err), 0);
    buf_done(&other);
    buf_done(&other_key);
}

static void teardown(void) {
    tls_server_free(server);
    tls_client_free(trusting);
    tls_client_free(strange);
    buf_done(&pem);
    buf_done(&cert);
    buf_done(&key);
}

static void pair_open(struct stream **a, struct stream **b) {
    int sv[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
    assert_int_equal(stream_open_fd(sv[0], a), 0);
    assert_int_equal(stream_open_fd(sv[1], b), 0);
}

struct accepting {
    struct stream *s;
    struct error err;
    int rc;
    bool done;
};

static void accept_main(void *arg) {
    struct accepting *a = arg;
    a->rc = tls_accept(a->s, server, SOON, &a->err);
    a->done = true;
}

/* Both handshakes; returns the client's outcome, *server_rc the server's. */
static int shake(struct stream *client_end, struct stream *server_end, struct tls_client *client, const char *name,
                 enum tls_verify verify, int *server_rc, struct error *err) {
    struct accepting a = {.s = server_end};
    assert_int_equal(fiber_spawn("accept", accept_main, &a, NULL), 0);
    int rc = tls_connect(client_end, client, str_from(name), verify, SOON, err);
    while (!a.done) fiber_yield();
    *server_rc = a.rc;
    return rc;
}

static void good(struct stream **a, struct stream **b) {
    struct error err = {0};
    int rc;
    pair_open(a, b);
    assert_int_equal(shake(*a, *b, trusting, "mail.example.test", TLS_VERIFY_NAME, &rc, &err), 0);
    assert_int_equal(rc, 0);
}

static void expect(struct stream *s, const char *text) {
    struct str want = str_from(text);
    while (stream_peek(s).len < want.len) assert_int_equal(stream_fill(s, SOON), 0);
    assert_memory_equal(stream_peek(s).ptr, want.ptr, want.len);
    stream_consume(s, want.len);
}

static const struct {
    int version;
    const char *name;
} versions[] = {{TLS1_2_VERSION, "TLSv1.2"}, {TLS1_3_VERSION, "TLSv1.3"}};

FIBER_TEST(both_versions) {
    for (int i = 0; i < 2; i++) {
        struct stream *a, *b;
        struct tls_info info;
        setup();
        SSL_CTX_set_max_proto_version(trusting->ctx, versions[i].version);
        good(&a, &b);
        assert_true(stream_is_tls(a) && stream_is_tls(b));
        for (int k = 0; k < 20; k++) {
            assert_int_equal(stream_put(a, STR("EHLO\r\n")), 0);
            assert_int_equal(stream_flush(a), 0);
            expect(b, "EHLO\r\n");
            assert_int_equal(stream_put(b, STR("250 ok\r\n")), 0);
            assert_int_equal(stream_flush(b), 0);
            expect(a, "250 ok\r\n");
        }
        assert_int_equal(stream_bytes_in(a), 20 * 8); /* of the protocol, not of TLS */
        assert_int_equal(stream_fill(a, loop_now_ms() + 2), ERR_TIMEOUT);
        assert_int_equal(tls_get_info(b, &info), 0);
        assert_string_equal(info.version, versions[i].name);
        assert_string_equal(info.sni, "mail.example.test");
        assert_true(info.bits >= 128);
        assert_int_equal(tls_get_info(a, &info), 0);
        assert_true(info.verified);
        stream_free(a);
        assert_int_equal(stream_fill(b, SOON), ERR_CLOSED); /* close_notify */
        stream_free(b);
        teardown();
    }
}

/* RFC 9266, RFC 5929: the same data on both sides; of the exporter, another for each session. */
FIBER_TEST(channel_bindings) {
    static const char *const types[] = {"tls-exporter", "tls-server-end-point"};
    setup();
    for (int v = 0; v < 2; v++) {
        SSL_CTX_set_max_proto_version(trusting->ctx, versions[v].version);
        struct stream *a, *b, *c, *d;
        good(&a, &b);
        good(&c, &d);
        for (int i = 0; i < 2; i++) {
            struct buf client = BUF_INIT(64), srv = BUF_INIT(64), second = BUF_INIT(64);
            assert_int_equal(tls_channel_binding(a, types[i], &client), 0);
            assert_int_equal(tls_channel_binding(b, types[i], &srv), 0);
            assert_int_equal(tls_channel_binding(c, types[i], &second), 0);
            assert_int_equal(client.len, 32);
            assert_true(str_eq(buf_str(&client), buf_str(&srv)));
            assert_int_equal(str_eq(buf_str(&client), buf_str(&second)), i == 1);
            buf_done(&client);
            buf_done(&srv);
            buf_done(&second);
        }
        struct buf none = BUF_INIT(64);
        assert_int_equal(tls_channel_binding(a, "tls-unique", &none), ERR_NOTFOUND);
        stream_free(a);
        stream_free(b);
        assert_int_equal(tls_channel_binding(c, "", &none), ERR_NOTFOUND);
        stream_free(c);
        stream_free(d);
    }
    teardown();
}

FIBER_TEST(names) {
    static const struct {
        const char *name;
        enum tls_verify verify;
        bool own_root, ok, verified;
    } cases[] = {
        {"mail.example.test", TLS_VERIFY_NAME, true, true, true},
        {"MAIL.example.test.", TLS_VERIFY_NAME, true, true, true},
        {"a.wild.test", TLS_VERIFY_NAME, true, true, true},
        {"a.b.wild.test", TLS_VERIFY_NAME, true, false, false},
        {"127.0.0.1", TLS_VERIFY_NAME, true, true, true},
        {"127.0.0.2", TLS_VERIFY_NAME, true, false, false},
        {"other.example.test", TLS_VERIFY_NAME, true, false, false},
        {"", TLS_VERIFY_NAME, true, false, false},
        {"mail.example.test", TLS_VERIFY_NAME, false, false, false},
        {"mail.example.test", TLS_VERIFY_NONE, false, true, false},
        {"other.example.test", TLS_VERIFY_NONE, true, true, false},
        {"mail.example.test", TLS_VERIFY_NONE, true, true, true},
        {"", TLS_VERIFY_NONE, false, true, false},
    };
    setup();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stream *a, *b;
        struct error err = {0};
        int server_rc;
        pair_open(&a, &b);
        if (cases[i].name[0] == '\0' && !cases[i].ok) {
            assert_int_equal(tls_connect(a, trusting, STR_EMPTY, TLS_VERIFY_NAME, SOON, &err), ERR_INVALID);
        } else {
            int rc =
                shake(a, b, cases[i].own_root ? trusting : strange, cases[i].name, cases[i].verify, &server_rc, &err);
            assert_int_equal(rc, cases[i].ok ? 0 : ERR_DENIED);
        }
        if (cases[i].ok) {
            struct tls_info info;
            assert_int_equal(tls_get_info(a, &info), 0);
            assert_int_equal(info.verified, cases[i].verified);
        } else {
            assert_true(err.text[0] != '\0');
            assert_int_equal(stream_fill(a, SOON), stream_error(a));
            assert_true(stream_error(a) != 0);
        }
        stream_free(a);
        stream_free(b);
    }
    teardown();
}

/* RFC 3207 section 4.2: what came in plain text before the handshake is thrown away, or the handshake is refused. */
FIBER_TEST(injected_plain_text) {
    for (int discard = 0; discard < 2; discard++) {
        struct stream *a, *b;
        struct error err = {0};
        int rc;
        setup();
        pair_open(&a, &b);
        assert_int_equal(stream_put(a, STR("STARTTLS\r\nRSET\r\n")), 0);
        assert_int_equal(stream_flush(a), 0);
        expect(b, "STARTTLS\r\n");
        assert_int_equal(stream_put(b, STR("220 go\r\n")), 0);
        if (discard) {
            assert_int_equal(stream_discard_input(b), 6);
            assert_int_equal(stream_flush(b), 0);
            expect(a, "220 go\r\n");
            assert_int_equal(shake(a, b, trusting, "mail.example.test", TLS_VERIFY_NAME, &rc, &err), 0);
            assert_int_equal(rc, 0);
            assert_int_equal(stream_put(a, STR("NOOP\r\n")), 0);
            assert_int_equal(stream_flush(a), 0);
            expect(b, "NOOP\r\n");
        } else {
            assert_int_equal(tls_accept(b, server, SOON, &err), ERR_INVALID);
            assert_int_equal(stream_error(b), ERR_INVALID);
        }
        stream_free(a);
        stream_free(b);
        teardown();
    }
}

FIBER_TEST(failed_handshakes) {
    static const char *const nonsense[] = {"EHLO client.example\r\n", "\x16\x03\x01\x7f\xff garbage", "", NULL};
    setup();
    for (int i = 0; i < 4; i++) {
        struct stream *a, *b;
        struct error err = {0};
        pair_open(&a, &b);
        if (nonsense[i] != NULL) {
            assert_int_equal(stream_put(a, str_from(nonsense[i])), 0);
            assert_int_equal(stream_flush(a), 0);
        }
        if (i == 2) { /* the peer leaves */
            stream_free(a);
            a = NULL;
        }
        uint64_t deadline = i == 3 || i == 1 ? loop_now_ms() + 5 : SOON;
        int rc = tls_accept(b, server, deadline, &err);
        assert_true(rc == ERR_IO || (rc == ERR_TIMEOUT && (i == 3 || i == 1)));
        assert_non_null(strstr(err.text, "TLS handshake failed: "));
        assert_int_equal(stream_error(b), rc);
        assert_false(stream_is_tls(b));
        stream_free(a);
        stream_free(b);
    }
    /* TLS 1.1 is not spoken. */
    struct stream *a, *b;
    struct error err = {0};
    int rc;
    pair_open(&a, &b);
    SSL_CTX_set_min_proto_version(trusting->ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(trusting->ctx, TLS1_1_VERSION);
    SSL_CTX_set_security_level(trusting->ctx, 0);
    assert_int_equal(shake(a, b, trusting, "mail.example.test", TLS_VERIFY_NONE, &rc, &err), ERR_IO);
    assert_int_equal(rc, ERR_IO);
    stream_free(a);
    stream_free(b);
    teardown();
}

struct sending {
    struct stream *s;
    size_t total, piece;
};

static void send_pattern(void *arg) {
    struct sending *t = arg;
    static char data[200000];
    for (size_t sent = 0; sent < t->total; sent += t->piece) {
        for (size_t i = 0; i < t->piece; i++) data[i] = (char)((sent + i) * 7 >> 2);
        assert_int_equal(stream_put(t->s, str_of(data, t->piece)), 0);
    }
    assert_int_equal(stream_flush(t->s), 0);
    t->total = 0;
}

/* More than any buffer, with a reader that is slow. */
FIBER_TEST(bulk_and_back_pressure) {
    static const struct {
        size_t total, piece;
        bool slow;
    } cases[] = {{2000000, 200000, false}, {2000000, 1000, false}, {1000000, 200000, true}, {100000, 1, false}};
    setup();
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct stream *a, *b;
        good(&a, &b);
        struct sending t = {a, cases[c].total, cases[c].piece};
        assert_int_equal(fiber_spawn("sender", send_pattern, &t, NULL), 0);
        for (size_t got = 0; got < cases[c].total;) {
            assert_int_equal(stream_fill(b, SOON), 0);
            struct str in = stream_peek(b);
            for (size_t i = 0; i < in.len; i++) assert_int_equal(in.ptr[i], (char)((got + i) * 7 >> 2));
            got += in.len;
            stream_consume(b, in.len);
            if (cases[c].slow) assert_int_equal(fiber_sleep(1), 0);
        }
        while (t.total > 0) fiber_yield();
        stream_free(a);
        stream_free(b);
    }
    teardown();
}

static struct cond news;

static void tell(void *arg) {
    assert_int_equal(fiber_sleep(2), 0);
    cond_signal(&news);
    assert_int_equal(fiber_sleep(2), 0);
    assert_int_equal(stream_put(arg, STR("DONE\r\n")), 0);
    assert_int_equal(stream_flush(arg), 0);
}

FIBER_TEST(wait_for_input_or_news) {
    struct stream *a, *b;
    setup();
    cond_init(&news);
    good(&a, &b);
    assert_int_equal(fiber_spawn("news", tell, a, NULL), 0);
    assert_int_equal(stream_wait_input(b, &news, SOON), ERR_AGAIN);
    assert_int_equal(stream_wait_input(b, &news, SOON), 0);
    assert_int_equal(stream_fill(b, loop_now_ms()), 0);
    expect(b, "DONE\r\n");
    stream_free(a);
    stream_free(b);
    teardown();
}

/* A key update in the middle asks the peer for one as well. */
FIBER_TEST(key_update) {
    struct stream *a, *b;
    setup();
    good(&a, &b);
    assert_int_equal(SSL_key_update(tls_of(a)->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(stream_put(a, STR("ping")), 0);
        assert_int_equal(stream_flush(a), 0);
        expect(b, "ping");
        assert_int_equal(stream_put(b, STR("pong")), 0);
        assert_int_equal(stream_flush(b), 0);
        expect(a, "pong");
    }
    stream_free(a);
    stream_free(b);
    teardown();
}

static size_t arrived(const struct stream *s) {
    static char bytes[4096];
    ssize_t n = recv(s->watch.fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 ? 0 : (size_t)n;
}

/* Tickets (RFC 8446 section 4.6.1) go with the server's next words, and the end (section 6.1) with its last: nobody
 * waits for either, and each packet wakes the peer. */
FIBER_TEST(in_company) {
    for (int i = 0; i < 2; i++) {
        struct stream *a, *b;
        setup();
        SSL_CTX_set_max_proto_version(trusting->ctx, versions[i].version);
        good(&a, &b);
        assert_int_equal(stream_flush(b), 0);
        assert_int_equal(stream_fill(b, loop_now_ms() + 2), ERR_TIMEOUT);
        assert_int_equal(arrived(a), 0);
        assert_int_equal(stream_put(b, STR("250 hello\r\n")), 0);
        assert_int_equal(stream_flush(b), 0);
        size_t with_ticket = arrived(a);
        expect(a, "250 hello\r\n");
        assert_int_equal(stream_put(b, STR("250 hello\r\n")), 0);
        assert_int_equal(stream_flush(b), 0);
        if (versions[i].version == TLS1_3_VERSION) assert_true(with_ticket > 2 * arrived(a));
        expect(a, "250 hello\r\n");
        assert_int_equal(stream_put(b, STR("221 bye\r\n")), 0);
        assert_int_equal(stream_end(b), 0);
        expect(a, "221 bye\r\n");
        assert_int_equal(stream_fill(a, SOON), ERR_CLOSED); /* though the descriptor is open still */
        stream_free(b);
        stream_free(a);
        teardown();
    }
}

static void bad_material(void **state) {
    (void)state;
    struct buf other = BUF_INIT(65536), other_key = BUF_INIT(65536), mixed = BUF_INIT(65536);
    struct error err = {0};
    setup();
    test_cert("DNS:x.test", &other, &other_key);
    struct tls_server *t = NULL;
    assert_true(tls_server_not_after(server) > (int64_t)time(NULL) + 3000);
    assert_true(tls_server_not_after(server) < (int64_t)time(NULL) + 4000);
    buf_add(&mixed, buf_str(&cert));
    assert_int_equal(tls_server_new(buf_str(&mixed), &t, &err), ERR_INVALID);
    assert_string_equal(err.text, "no private key found");
    buf_add(&mixed, buf_str(&other_key));
    assert_int_equal(tls_server_new(buf_str(&mixed), &t, &err), ERR_INVALID);
    assert_string_equal(err.text, "key does not match certificate");
    assert_int_equal(tls_server_new(buf_str(&key), &t, &err), ERR_INVALID);
    assert_string_equal(err.text, "no certificate found");
    assert_int_equal(tls_server_new(STR_EMPTY, &t, &err), ERR_INVALID);
    assert_string_equal(err.text, "no certificate found");
    assert_int_equal(tls_server_new(str_sub(buf_str(&pem), 0, pem.len - 60), &t, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "certificate"));
    assert_null(t);
    /* A bad reload leaves what is there; a good one replaces it. */
    SSL_CTX *before = server->ctx;
    assert_int_equal(tls_server_reload(server, buf_str(&mixed), &err), ERR_INVALID);
    assert_ptr_equal(server->ctx, before);
    buf_clear(&mixed);
    buf_add(&mixed, buf_str(&other));
    buf_add(&mixed, buf_str(&other_key));
    assert_int_equal(tls_server_reload(server, buf_str(&mixed), &err), 0);
    struct tls_client *c = NULL;
    assert_int_equal(tls_client_new(STR("nothing"), &c, &err), ERR_INVALID);
    assert_null(c);
    assert_int_equal(tls_client_new(STR_EMPTY, &c, &err), 0); /* the system's roots */
    tls_client_free(c);
    tls_client_free(NULL);
    tls_server_free(NULL);
    buf_done(&other);
    buf_done(&other_key);
    buf_done(&mixed);
    teardown();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions),
        cmocka_unit_test(channel_bindings),
        cmocka_unit_test(names),
        cmocka_unit_test(injected_plain_text),
        cmocka_unit_test(failed_handshakes),
        cmocka_unit_test(bulk_and_back_pressure),
        cmocka_unit_test(wait_for_input_or_news),
        cmocka_unit_test(in_company),
        cmocka_unit_test(key_update),
        cmocka_unit_test(bad_material),
    };
    return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}

/* Certificates by name (STLS-01, RFC 6066 section 3), by kind of key, proofs by ALPN (RFC 8737), tickets across
 * reloads. */
#include "net/net_test.h"
#include "net/tls_identity.h"
#include "net/tls_private.h"
#include "net/tls_test_cert.h"

#include <openssl/rsa.h>
#include <string.h>
#include <sys/socket.h>

enum { NAMES = 5 };

static const char *const names[NAMES] = {"default.test", "mail.example.org", "*.example.org", "both.test",
                                         "proof.test"};
static struct buf pems[NAMES], roots = BUF_INIT(400000);
static struct tls_server *server;
static struct tls_client *client;

static void make(size_t i, EVP_PKEY *key) {
    char san[100];
    struct buf cert = BUF_INIT(65536);
    (void)snprintf(san, sizeof san, "DNS:%s", names[i]);
    test_cert_with(key, san, &cert, &pems[i]);
    buf_add(&pems[i], buf_str(&cert));
    buf_add(&roots, buf_str(&cert));
    buf_done(&cert);
}

static void told(struct str name, const struct error *err, void *arg) {
    struct buf *out = arg;
    buf_printf(out, "%.*s: %s;", STR_ARG(name), err->text);
}

static void fill(struct tls_named list[static NAMES]) {
    for (size_t i = 0; i < NAMES; i++) {
        list[i] = (struct tls_named){.name = i == 0 ? STR_EMPTY : str_from(names[i]), .pem = buf_str(&pems[i])};
    }
    list[NAMES - 1].challenge = true;
}

static void setup(void) {
    struct error err = {0};
    struct tls_named list[NAMES];
    for (size_t i = 0; i < NAMES; i++) {
        buf_init(&pems[i], 65536);
        make(i, EVP_EC_gen("P-256"));
    }
    make(3, EVP_RSA_gen(2048));
    fill(list);
    assert_int_equal(tls_server_new_empty(&server), 0);
    assert_true(tls_server_is_empty(server));
    assert_int_equal(tls_server_set(server, list, NAMES, NULL, NULL), 0);
    assert_false(tls_server_is_empty(server));
    assert_int_equal(tls_client_new(buf_str(&roots), &client, &err), 0);
}

static void teardown(void) {
    tls_server_free(server);
    tls_client_free(client);
    for (size_t i = 0; i < NAMES; i++) buf_done(&pems[i]);
    buf_done(&roots);
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
    if (a->rc == 0) (void)!stream_put(a->s, STR("."));
    if (a->rc == 0) (void)!stream_flush(a->s);
    a->done = true;
}

/* A handshake for `name`; the common look at the outcome is the caller's. */
static struct stream *shake(const char *name, struct stream **server_end, int *rc, int *server_rc) {
    int sv[2];
    struct stream *a;
    struct error err = {0};
    struct tls_expect e = {.verify = TLS_VERIFY_NONE, .name = str_from(name), .resume = str_from(name)};
    enum tls_fault fault;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
    assert_int_equal(stream_open_fd(sv[0], &a), 0);
    assert_int_equal(stream_open_fd(sv[1], server_end), 0);
    struct accepting accepting = {.s = *server_end};
    assert_int_equal(fiber_spawn("accept", accept_main, &accepting, NULL), 0);
    *rc = tls_connect_as(a, client, &e, SOON, &fault, &err);
    while (!accepting.done) fiber_yield();
    if (*rc == 0 && accepting.rc == 0) assert_int_equal(stream_fill(a, SOON), 0); /* and with it the ticket */
    *server_rc = accepting.rc;
    return a;
}

static void expect_cert(const struct stream *s, const char *name, int kind) {
    X509 *cert = SSL_get0_peer_certificate(tls_of(s)->ssl);
    assert_non_null(cert);
    if (X509_check_host(cert, name, 0, 0, NULL) != 1) fail_msg("not the certificate of %s", name);
    assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(cert)), kind);
}

static const struct {
    const char *asked, *sees, *sigalgs;
    int kind;
} cases[] = {
    {"mail.example.org", "mail.example.org", NULL, EVP_PKEY_EC},
    {"MAIL.Example.Org", "mail.example.org", NULL, EVP_PKEY_EC},
    {"imap.example.org", "imap.example.org", NULL, EVP_PKEY_EC},
    {"a.b.example.org", "default.test", NULL, EVP_PKEY_EC},
    {"example.org", "default.test", NULL, EVP_PKEY_EC},
    {"", "default.test", NULL, EVP_PKEY_EC},
    {"proof.test", "default.test", NULL, EVP_PKEY_EC}, /* only for "acme-tls/1" */
    {"both.test", "both.test", NULL, EVP_PKEY_EC},
    {"both.test", "both.test", "RSA-PSS+SHA256:RSA+SHA256", EVP_PKEY_RSA},
};

FIBER_TEST(by_name) {
    setup();
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t v = 0; v < 2; v++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct stream *b;
            int rc, server_rc;
            SSL_CTX_set_max_proto_version(client->ctx, versions[v]);
            const char *algs = cases[i].sigalgs != NULL ? cases[i].sigalgs : "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256";
            assert_int_equal(SSL_CTX_set1_sigalgs_list(client->ctx, algs), 1);
            tls_sessions_free(client->sessions); /* whole handshakes only */
            client->sessions = tls_sessions_new(client->ctx);
            struct stream *a = shake(cases[i].asked, &b, &rc, &server_rc);
            if (rc != 0 || server_rc != 0) fail_msg("case %zu: %d %d", i, rc, server_rc);
            expect_cert(a, cases[i].sees, cases[i].kind);
            stream_free(a);
            stream_free(b);
        }
    }
    teardown();
}

/* RFC 8737 section 3: the proof for the name, then nothing. Who has no proof here gets none of the usual certificates.
 */
FIBER_TEST(challenge) {
    setup();
    struct stream *b;
    int rc, server_rc;
    static const unsigned char acme[] = "\x0a"
                                        "acme-tls/1",
                               other[] = "\x04"
                                         "imap";
    assert_int_equal(SSL_CTX_set_alpn_protos(client->ctx, acme, sizeof acme - 1), 0);
    struct stream *a = shake("proof.test", &b, &rc, &server_rc);
    assert_int_equal(rc, 0);
    assert_int_equal(server_rc, ERR_CLOSED);
    expect_cert(a, "proof.test", EVP_PKEY_EC);
    const unsigned char *selected;
    unsigned len;
    SSL_get0_alpn_selected(tls_of(a)->ssl, &selected, &len);
    assert_memory_equal(selected, "acme-tls/1", len);
    stream_free(a);
    stream_free(b);
    a = shake("mail.example.org", &b, &rc, &server_rc);
    assert_int_not_equal(rc, 0);
    assert_int_equal(server_rc, ERR_IO);
    stream_free(a);
    stream_free(b);
    assert_int_equal(SSL_CTX_set_alpn_protos(client->ctx, other, sizeof other - 1), 0);
    a = shake("mail.example.org", &b, &rc, &server_rc);
    assert_int_equal(rc, 0);
    assert_int_equal(server_rc, 0);
    stream_free(a);
    stream_free(b);
    teardown();
}

static bool resumed(const char *name) {
    struct stream *b;
    struct tls_info info;
    int rc, server_rc;
    struct stream *a = shake(name, &b, &rc, &server_rc);
    assert_int_equal(rc, 0);
    assert_int_equal(tls_get_info(a, &info), 0);
    stream_free(a);
    stream_free(b);
    return info.resumed;
}

/* Sessions are resumed across a reload, until the keys of tickets are too old. */
FIBER_TEST(tickets) {
    setup();
    struct tls_named list[NAMES];
    struct buf saved = pems[0];
    assert_false(resumed("mail.example.org"));
    assert_true(resumed("mail.example.org"));
    fill(list);
    buf_init(&pems[0], 65536);
    make(0, EVP_EC_gen("P-256"));
    list[0].pem = buf_str(&pems[0]);
    assert_int_equal(tls_server_set(server, list, NAMES, NULL, NULL), 0);
    assert_true(resumed("mail.example.org"));
    server->tickets.made_ms -= UINT64_C(3600) * 1000;
    assert_true(resumed("mail.example.org"));
    assert_int_equal(server->tickets.count, 2);
    assert_true(resumed("mail.example.org")); /* by a ticket of the new key */
    server->tickets.made_ms -= UINT64_C(4) * 3600 * 1000;
    assert_false(resumed("mail.example.org"));
    assert_int_equal(server->tickets.count, 1);
    buf_done(&saved);
    teardown();
}

/* Processes that have the same keys resume each other's sessions; keys that one has not got yet cost a whole handshake.
 */
FIBER_TEST(shared_tickets) {
    setup();
    struct tls_named list[NAMES];
    struct tls_server *first = server, *second = NULL;
    struct tls_tickets keys = {0};
    fill(list);
    assert_int_equal(tls_server_new_empty(&second), 0);
    assert_int_equal(tls_server_set(second, list, NAMES, NULL, NULL), 0);
    assert_true(tls_tickets_rotate(&keys, 5));
    assert_int_equal(tls_server_set_tickets(first, tls_tickets_text(&keys)), 0);
    assert_false(resumed("mail.example.org"));
    server = second; /* with keys of its own */
    assert_false(resumed("mail.example.org"));
    server = first;
    assert_false(resumed("mail.example.org"));
    server = second;
    assert_int_equal(tls_server_set_tickets(second, tls_tickets_text(&keys)), 0);
    assert_true(resumed("mail.example.org"));
    assert_true(tls_tickets_rotate(&keys, 5 + UINT64_C(3600) * 1000));
    assert_int_equal(tls_server_set_tickets(second, tls_tickets_text(&keys)), 0);
    assert_true(resumed("mail.example.org"));
    server = first;
    assert_false(resumed("mail.example.org"));
    server = second;
    assert_true(resumed("mail.example.org"));
    assert_int_equal(tls_server_set_tickets(second, STR("no key")), ERR_INVALID);
    assert_int_equal(tls_server_set_tickets(second, STR_EMPTY), ERR_INVALID);
    assert_false(tls_tickets_rotate(&second->tickets, UINT64_MAX)); /* not by itself */
    assert_true(resumed("mail.example.org"));
    server = first;
    tls_server_free(second);
    teardown();
}

static void test_rotate(void **state) {
    (void)state;
    struct tls_tickets t = {0};
    const uint64_t hour = UINT64_C(3600) * 1000;
    assert_true(tls_tickets_rotate(&t, 5));
    struct tls_ticket_key first = t.keys[0];
    assert_false(tls_tickets_rotate(&t, 4 + hour));
    assert_memory_equal(&t.keys[0], &first, sizeof first);
    assert_true(tls_tickets_rotate(&t, 5 + hour));
    assert_memory_not_equal(&t.keys[0], &first, sizeof first);
    assert_memory_equal(&t.keys[1], &first, sizeof first);
    for (uint64_t i = 2; i < 10; i++) assert_true(tls_tickets_rotate(&t, 5 + i * hour));
    assert_int_equal(t.count, TLS_TICKET_KEYS);
    for (unsigned i = 0; i < t.count; i++) assert_memory_not_equal(&t.keys[i], &first, sizeof first);
}

/* What is bad is told and left out; the rest is taken. What has not changed is not read again. */
static void test_set(void **state) {
    (void)state;
    setup();
    struct tls_named list[NAMES];
    struct buf said = BUF_INIT(1000);
    fill(list);
    const struct tls_identity *before = map_get(server->named, STR("*.example.org"));
    SSL_CTX *ctx = server->ctx;
    list[0].pem = STR("nothing");
    list[1].pem = STR("");
    assert_int_equal(tls_server_set(server, list, NAMES, told, &said), 0);
    assert_string_equal(buf_cstr(&said), ": no certificate found;mail.example.org: no certificate found;");
    assert_ptr_equal(map_get(server->named, STR("*.example.org")), before);
    assert_null(map_get(server->named, STR("mail.example.org")));
    assert_ptr_equal(server->ctx, ctx); /* the one for unknown names stays */
    /* one text for many names is one identity; of a name that comes twice the last counts */
    struct tls_named many[] = {{STR("a.test"), buf_str(&pems[1]), false},
                               {STR("a.test"), buf_str(&pems[2]), false},
                               {STR("b.test"), buf_str(&pems[1]), false},
                               {STR("c.test"), buf_str(&pems[1]), false}};
    assert_int_equal(tls_server_set(server, many, 4, NULL, NULL), 0);
    assert_ptr_equal(map_get(server->named, STR("b.test")), map_get(server->named, STR("c.test")));
    assert_ptr_not_equal(map_get(server->named, STR("a.test")), map_get(server->named, STR("b.test")));
    assert_int_equal(tls_server_set(server, NULL, 0, NULL, NULL), 0);
    assert_int_equal(map_count(server->named), 0);
    buf_done(&said);
    teardown();
}

static void test_identity(void **state) {
    (void)state;
    setup();
    struct tls_identity *id = NULL;
    struct tls_identity_info info;
    struct error err = {0};
    struct buf text = BUF_INIT(1000), twice = BUF_INIT(100000);
    assert_int_equal(tls_identity_new(buf_str(&pems[3]), &id, &err), 0);
    tls_identity_describe(id, &info);
    assert_string_equal(info.kinds, "ECDSA RSA");
    assert_string_equal(info.issuer, "test");
    assert_true(info.self_signed && info.not_before < info.not_after);
    assert_int_equal(strlen(info.digests), 2 * 64 + 1);
    tls_identity_names(id, &text);
    assert_string_equal(buf_cstr(&text), "both.test");
    assert_true(tls_identity_covers(id, STR("both.test")));
    assert_false(tls_identity_covers(id, STR("other.test")));
    tls_identity_free(id);
    assert_int_equal(tls_identity_new(buf_str(&pems[2]), &id, &err), 0);
    assert_true(tls_identity_covers(id, STR("*.example.org")) && tls_identity_covers(id, STR("x.example.org")));
    assert_false(tls_identity_covers(id, STR("example.org")) || tls_identity_covers(id, STR("*.org")));
    tls_identity_free(id);
    /* the certificate and then the chain with it again is one; two of a kind are a mistake */
    buf_add(&twice, buf_str(&pems[1]));
    buf_add(&twice, buf_str(&pems[1]));
    assert_int_equal(tls_identity_new(buf_str(&twice), &id, &err), 0);
    assert_int_equal(id->count, 1);
    tls_identity_free(id);
    buf_add(&twice, buf_str(&pems[2]));
    assert_int_equal(tls_identity_new(buf_str(&twice), &id, &err), ERR_INVALID);
    assert_string_equal(err.text, "two certificates for the same kind of key");
    buf_done(&twice);
    buf_done(&text);
    teardown();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_name),      cmocka_unit_test(challenge),
                                       cmocka_unit_test(tickets),      cmocka_unit_test(shared_tickets),
                                       cmocka_unit_test(test_rotate),  cmocka_unit_test(test_set),
                                       cmocka_unit_test(test_identity)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

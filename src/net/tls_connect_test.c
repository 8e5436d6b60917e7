/* What a client can expect of a server: fingerprints, DANE (RFC 7671, RFC 7672), names, resumption. Each case is a
 * whole handshake over a socket pair with certificates made here. */
#include "net/net_test.h"
#include "net/tls_private.h"
#include "net/tls_test_cert.h"

#include <string.h>
#include <sys/socket.h>

enum { PEM_SIZE = 65536, DER_MAX = 4096 };

static struct buf pem = BUF_INIT(PEM_SIZE);
static struct tls_server *server;
static struct tls_client *stranger, *trusting;
static struct source_data {
    unsigned char der[DER_MAX], spki[DER_MAX], cert256[32], cert512[64], key256[32];
    size_t der_len, spki_len;
} leaf, authority;

static X509 *make_cert(const char *names, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key) {
    X509 *x = X509_new();
    const char *value = issuer == NULL ? "critical,CA:TRUE" : names;
    X509_EXTENSION *ext =
        X509V3_EXT_conf_nid(NULL, NULL, issuer == NULL ? NID_basic_constraints : NID_subject_alt_name, value);
    assert_true(x != NULL && ext != NULL);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), issuer == NULL ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)(issuer == NULL ? "anchor" : "leaf"), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer == NULL ? x : issuer));
    X509_set_pubkey(x, key);
    assert_int_equal(X509_add_ext(x, ext, -1), 1);
    X509_EXTENSION_free(ext);
    assert_true(X509_sign(x, issuer_key, EVP_sha256()) > 0);
    return x;
}

static void digests(X509 *x, struct source_data *d) {
    unsigned char *p = d->der, *k = d->spki;
    d->der_len = (size_t)i2d_X509(x, &p);
    d->spki_len = (size_t)i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &k);
    assert_int_equal(EVP_Digest(d->der, d->der_len, d->cert256, NULL, EVP_sha256(), NULL), 1);
    assert_int_equal(EVP_Digest(d->der, d->der_len, d->cert512, NULL, EVP_sha512(), NULL), 1);
    assert_int_equal(EVP_Digest(d->spki, d->spki_len, d->key256, NULL, EVP_sha256(), NULL), 1);
}

static void add_pem(X509 *x, struct buf *out) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *p;
    assert_int_equal(PEM_write_bio_X509(bio, x), 1);
    long n = BIO_get_mem_data(bio, &p);
    buf_add(out, str_of(p, (size_t)n));
    BIO_free(bio);
}

/* A server with a certificate that an authority signed, and clients that know the authority and another one. */
static void make_server(const char *names) {
    struct error err = {0};
    struct buf root = BUF_INIT(PEM_SIZE), other = BUF_INIT(PEM_SIZE), unused = BUF_INIT(PEM_SIZE);
    EVP_PKEY *root_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *anchor = make_cert(NULL, root_key, NULL, root_key), *x = make_cert(names, key, anchor, root_key);
    digests(x, &leaf);
    digests(anchor, &authority);
    add_pem(anchor, &root);
    assert_int_equal(tls_client_new(buf_str(&root), &trusting, &err), 0);
    buf_clear(&pem);
    add_pem(x, &pem);
    buf_add(&pem, buf_str(&root));
    BIO *bio = BIO_new(BIO_s_mem());
    char *p;
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long n = BIO_get_mem_data(bio, &p);
    buf_add(&pem, str_of(p, (size_t)n));
    BIO_free(bio);
    assert_int_equal(tls_server_new(buf_str(&pem), &server, &err), 0);
    test_cert("DNS:else.test", &other, &unused);
    assert_int_equal(tls_client_new(buf_str(&other), &stranger, &err), 0);
    buf_done(&root);
    buf_done(&other);
    buf_done(&unused);
    X509_free(x);
    X509_free(anchor);
    EVP_PKEY_free(key);
    EVP_PKEY_free(root_key);
}

static void drop_server(void) {
    tls_server_free(server);
    tls_client_free(stranger);
    tls_client_free(trusting);
    buf_done(&pem);
}

static bool accepted;
static void accept_main(void *arg) {
    struct error err = {0};
    struct stream *s = arg;
    if (tls_accept(s, server, SOON, &err) == 0) {
        assert_int_equal(stream_put(s, STR("hello")), 0);
        assert_int_equal(stream_flush(s), 0);
    }
    accepted = true;
}

/* A connection whose tickets wait to be read. */
static void shake_as(struct tls_client *client, const struct tls_expect *e, struct stream **a, struct stream **b) {
    int sv[2];
    enum tls_fault fault;
    struct error err = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
    assert_int_equal(stream_open_fd(sv[0], a), 0);
    assert_int_equal(stream_open_fd(sv[1], b), 0);
    accepted = false;
    assert_int_equal(fiber_spawn("accept", accept_main, *b, NULL), 0);
    assert_int_equal(tls_connect_as(*a, client, e, SOON, &fault, &err), 0);
    while (!accepted) fiber_yield();
}

/* One connection; true when it came to be. */
static bool connect_as(struct tls_client *client, const struct tls_expect *e, enum tls_fault *fault,
                       struct tls_info *info) {
    int sv[2];
    struct stream *a, *b;
    struct error err = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
    assert_int_equal(stream_open_fd(sv[0], &a), 0);
    assert_int_equal(stream_open_fd(sv[1], &b), 0);
    accepted = false;
    assert_int_equal(fiber_spawn("accept", accept_main, b, NULL), 0);
    int rc = tls_connect_as(a, client, e, SOON, fault, &err);
    while (!accepted) fiber_yield();
    if (rc == 0) {
        assert_int_equal(tls_get_info(a, info), 0);
        while (stream_peek(a).len < 5) assert_int_equal(stream_fill(a, SOON), 0); /* and with it the ticket */
    } else {
        assert_true(err.text[0] != '\0');
    }
    stream_free(a);
    stream_free(b);
    return rc == 0;
}

/* Where the data of a record comes from. */
enum source { CERT, KEY, CERT256, CERT512, KEY256, WRONG256, SHORT256, NOTHING };

static struct str data_of(const struct source_data *d, enum source s) {
    static const unsigned char wrong[32] = {1, 2, 3};
    switch (s) {
    case CERT: return str_of(d->der, d->der_len);
    case KEY: return str_of(d->spki, d->spki_len);
    case CERT256: return str_of(d->cert256, sizeof d->cert256);
    case CERT512: return str_of(d->cert512, sizeof d->cert512);
    case KEY256: return str_of(d->key256, sizeof d->key256);
    case WRONG256: return str_of(wrong, sizeof wrong);
    case SHORT256: return str_of(d->cert256, 20);
    default: return STR_EMPTY;
    }
}

/* RFC 6125: a CN stands for a certificate without DNS-IDs; not with MTA-STS (RFC 8461 section 4.2). */
FIBER_TEST(common_name) {
    make_server("email:postmaster@mx.test");
    for (int san_only = 0; san_only <= 1; san_only++) {
        struct tls_expect e = {.verify = TLS_VERIFY_NAME, .name = STR("leaf"), .san_only = san_only};
        struct tls_info info;
        enum tls_fault fault;
        assert_int_equal(connect_as(trusting, &e, &fault, &info), !san_only);
        assert_int_equal(fault, san_only ? TLS_FAULT_NAME : TLS_FAULT_NONE);
    }
    drop_server();
}

/* RFC 7671 section 5, RFC 7672 section 3.1: usage 2 is of the authority, the others are of the server. */
FIBER_TEST(dane) {
    struct one {
        uint8_t usage, selector, matching;
        enum source source;
    };
    static const struct {
        const char *name, *other;
        struct one records[2];
        size_t count;
        bool ok;
        enum tls_verify by;
        enum tls_fault fault;
    } cases[] = {
        {"mx.test", NULL, {{3, 1, 1, KEY256}}, 1, true, TLS_VERIFY_DANE, TLS_FAULT_NONE},
        {"mx.test", NULL, {{3, 0, 1, CERT256}}, 1, true, TLS_VERIFY_DANE, TLS_FAULT_NONE},
        {"mx.test", NULL, {{3, 0, 2, CERT512}}, 1, true, TLS_VERIFY_DANE, TLS_FAULT_NONE},
        {"mx.test", NULL, {{3, 0, 0, CERT}}, 1, true, TLS_VERIFY_DANE, TLS_FAULT_NONE},
        {"mx.test", NULL, {{3, 1, 0, KEY}}, 1, true, TLS_VERIFY_DANE, TLS_FAULT_NONE},
        /* 3.1.1: the name does not matter with DANE-EE */
        {"another.test", NULL, {{3, 1, 1, KEY256}}, 1, true, TLS_VERIFY_DANE, TLS_FAULT_NONE},
        {"mx.test", NULL, {{3, 1, 1, WRONG256}}, 1, false, TLS_VERIFY_DANE, TLS_FAULT_TLSA},
        {"mx.test", NULL, {{3, 0, 1, KEY256}}, 1, false, TLS_VERIFY_DANE, TLS_FAULT_TLSA},
        /* one that matches is enough: roll-over of keys (RFC 7671 section 8.1) */
        {"mx.test", NULL, {{3, 1, 1, WRONG256}, {3, 1, 1, KEY256}}, 2, true, TLS_VERIFY_DANE, TLS_FAULT_NONE},
        /* 3.1.2: DANE-TA and its names */
        {"mx.test", NULL, {{2, 0, 1, CERT256}}, 1, true, TLS_VERIFY_DANE, TLS_FAULT_NONE},
        {"mx.test", NULL, {{2, 1, 1, KEY256}}, 1, true, TLS_VERIFY_DANE, TLS_FAULT_NONE},
        {"another.test", NULL, {{2, 0, 1, CERT256}}, 1, false, TLS_VERIFY_DANE, TLS_FAULT_NAME},
        {"another.test", "mx.test", {{2, 0, 1, CERT256}}, 1, true, TLS_VERIFY_DANE, TLS_FAULT_NONE},
        {"mx.test", NULL, {{2, 0, 0, CERT}}, 1, true, TLS_VERIFY_DANE, TLS_FAULT_NONE},
        {"mx.test", NULL, {{2, 0, 1, WRONG256}}, 1, false, TLS_VERIFY_DANE, TLS_FAULT_TLSA},
        /* 3.1.3: usages 0 and 1 are unusable; so are malformed records: TLS without verifying (2.2) */
        {"mx.test", NULL, {{1, 1, 1, KEY256}}, 1, true, TLS_VERIFY_NONE, TLS_FAULT_UNTRUSTED},
        {"mx.test", NULL, {{0, 0, 1, CERT256}}, 1, true, TLS_VERIFY_NONE, TLS_FAULT_UNTRUSTED},
        {"mx.test", NULL, {{3, 1, 9, KEY256}}, 1, true, TLS_VERIFY_NONE, TLS_FAULT_UNTRUSTED},
        {"mx.test", NULL, {{3, 7, 1, KEY256}}, 1, true, TLS_VERIFY_NONE, TLS_FAULT_UNTRUSTED},
        {"mx.test", NULL, {{3, 1, 1, SHORT256}}, 1, true, TLS_VERIFY_NONE, TLS_FAULT_UNTRUSTED},
        {"mx.test", NULL, {{3, 0, 0, NOTHING}}, 1, true, TLS_VERIFY_NONE, TLS_FAULT_UNTRUSTED},
        /* what is unusable does not help a usable one that does not match */
        {"mx.test", NULL, {{1, 1, 1, KEY256}, {3, 1, 1, WRONG256}}, 2, false, TLS_VERIFY_DANE, TLS_FAULT_TLSA},
    };
    make_server("DNS:mx.test");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tls_tlsa tlsa[2];
        struct tls_info info;
        enum tls_fault fault;
        struct str other = str_from(cases[i].other);
        for (size_t k = 0; k < cases[i].count; k++) {
            const struct one *r = &cases[i].records[k];
            tlsa[k] = (struct tls_tlsa){r->usage, r->selector, r->matching,
                                        data_of(r->usage == 2 ? &authority : &leaf, r->source)};
        }
        struct tls_expect e = {.verify = TLS_VERIFY_DANE,
                               .name = str_from(cases[i].name),
                               .names = &other,
                               .name_count = other.len > 0,
                               .tlsa = tlsa,
                               .tlsa_count = cases[i].count};
        bool ok = connect_as(stranger, &e, &fault, &info);
        if (ok != cases[i].ok || fault != cases[i].fault) fail_msg("case %zu: %d, fault %d", i, ok, fault);
        if (ok) assert_int_equal(info.by, cases[i].by);
        if (ok) assert_int_equal(info.verified, cases[i].by == TLS_VERIFY_DANE);
    }
    drop_server();
}

FIBER_TEST(fingerprints_and_names) {
    static const struct {
        enum tls_verify verify;
        bool trusted;
        enum source source;
        const char *name;
        bool ok, verified;
        enum tls_fault fault;
    } cases[] = {
        {TLS_VERIFY_FINGERPRINT, false, CERT256, "mx.test", true, true, TLS_FAULT_NONE},
        {TLS_VERIFY_FINGERPRINT, false, KEY256, "else.test", true, true, TLS_FAULT_NONE},
        {TLS_VERIFY_FINGERPRINT, true, WRONG256, "mx.test", false, false, TLS_FAULT_FINGERPRINT},
        {TLS_VERIFY_NAME, true, NOTHING, "mx.test", true, true, TLS_FAULT_NONE},
        {TLS_VERIFY_NAME, true, NOTHING, "else.test", false, false, TLS_FAULT_NAME},
        {TLS_VERIFY_NAME, false, NOTHING, "mx.test", false, false, TLS_FAULT_UNTRUSTED},
        /* what verifying would have found is told when nobody asked for it (RFC 8461 section 5, "testing") */
        {TLS_VERIFY_NONE, true, NOTHING, "mx.test", true, true, TLS_FAULT_NONE},
        {TLS_VERIFY_NONE, true, NOTHING, "else.test", true, false, TLS_FAULT_NAME},
        {TLS_VERIFY_NONE, false, NOTHING, "mx.test", true, false, TLS_FAULT_UNTRUSTED},
    };
    make_server("DNS:mx.test");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char digest[1][TLS_FINGERPRINT] = {{0}};
        struct tls_info info;
        enum tls_fault fault;
        struct str data = data_of(&leaf, cases[i].source);
        if (data.len == TLS_FINGERPRINT) memcpy(digest[0], data.ptr, TLS_FINGERPRINT);
        struct tls_expect e = {.verify = cases[i].verify,
                               .name = str_from(cases[i].name),
                               .fingerprints = (const unsigned char(*)[TLS_FINGERPRINT])digest,
                               .fingerprint_count = data.len > 0};
        bool ok = connect_as(cases[i].trusted ? trusting : stranger, &e, &fault, &info);
        if (ok != cases[i].ok || fault != cases[i].fault) fail_msg("case %zu: %d, fault %d", i, ok, fault);
        if (ok) assert_int_equal(info.verified, cases[i].verified);
    }
    drop_server();
}

/* A session is resumed only where the same would be expected of the server. */
FIBER_TEST(resumption) {
    static const struct {
        int version;
        enum tls_verify verify;
        const char *name, *resume;
        bool resumed;
    } cases[] = {
        {TLS1_3_VERSION, TLS_VERIFY_NAME, "mx.test", "192.0.2.1:25", false},
        {TLS1_3_VERSION, TLS_VERIFY_NAME, "mx.test", "192.0.2.1:25", true},
        {TLS1_3_VERSION, TLS_VERIFY_NAME, "mx.test", "192.0.2.1:25", true},
        {TLS1_3_VERSION, TLS_VERIFY_NAME, "mx.test", "192.0.2.2:25", false},
        {TLS1_3_VERSION, TLS_VERIFY_NONE, "mx.test", "192.0.2.1:25", false},
        {TLS1_3_VERSION, TLS_VERIFY_NAME, "also.test", "192.0.2.1:25", false},
        {TLS1_3_VERSION, TLS_VERIFY_NAME, "mx.test", "", false},
        {TLS1_2_VERSION, TLS_VERIFY_NONE, "mx.test", "192.0.2.9:25", false},
        {TLS1_2_VERSION, TLS_VERIFY_NONE, "mx.test", "192.0.2.9:25", true},
        {TLS1_3_VERSION, TLS_VERIFY_DANE, "mx.test", "192.0.2.1:25", false},
        {TLS1_3_VERSION, TLS_VERIFY_DANE, "mx.test", "192.0.2.1:25", true},
        {TLS1_2_VERSION, TLS_VERIFY_DANE, "mx.test", "192.0.2.8:25", false},
        {TLS1_2_VERSION, TLS_VERIFY_DANE, "mx.test", "192.0.2.8:25", true},
    };
    make_server("DNS:mx.test,DNS:also.test");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tls_info info;
        enum tls_fault fault;
        struct tls_expect e = {
            .verify = cases[i].verify, .name = str_from(cases[i].name), .resume = str_from(cases[i].resume)};
        struct tls_tlsa record = {3, 1, 1, data_of(&leaf, KEY256)};
        bool dane = cases[i].verify == TLS_VERIFY_DANE;
        struct tls_client *client = dane ? stranger : trusting;
        if (dane) e.tlsa = &record;
        e.tlsa_count = dane;
        SSL_CTX_set_max_proto_version(client->ctx, cases[i].version);
        assert_true(connect_as(client, &e, &fault, &info));
        assert_int_equal(fault, TLS_FAULT_NONE);
        assert_true(info.verified);
        if (info.resumed != cases[i].resumed) fail_msg("case %zu: resumed %d", i, info.resumed);
    }
    drop_server();
}

/* Connections that begin beside each other each find a session; those of full handshakes bring one, resumed ones
 * another. */
FIBER_TEST(several_sessions) {
    enum { BESIDE = 5, KEPT = 16 };
    struct tls_expect e = {.verify = TLS_VERIFY_NAME, .name = STR("mx.test"), .resume = STR("192.0.2.1:25")};
    make_server("DNS:mx.test");
    for (int round = 0; round < 3; round++) {
        struct stream *near[BESIDE], *far[BESIDE];
        for (int i = 0; i < BESIDE; i++) {
            struct tls_info info;
            shake_as(trusting, &e, &near[i], &far[i]);
            assert_int_equal(tls_get_info(near[i], &info), 0);
            assert_int_equal(info.resumed, round > 0);
        }
        for (int i = 0; i < BESIDE; i++) { /* now the tickets come */
            while (stream_peek(near[i]).len < 5) assert_int_equal(stream_fill(near[i], SOON), 0);
            stream_free(near[i]);
            stream_free(far[i]);
        }
    }
    for (int i = 0; i < 3 * KEPT; i++) { /* others do not push them out, and of one server not more are kept */
        char name[32];
        struct tls_info info;
        enum tls_fault fault;
        (void)snprintf(name, sizeof name, "198.51.100.%d:25", i);
        e.resume = str_from(name);
        assert_true(connect_as(trusting, &e, &fault, &info));
        assert_false(info.resumed);
    }
    struct tls_info info;
    enum tls_fault fault;
    e.resume = STR("192.0.2.1:25");
    assert_true(connect_as(trusting, &e, &fault, &info));
    assert_true(info.resumed);
    drop_server();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(common_name),
        cmocka_unit_test(dane),
        cmocka_unit_test(fingerprints_and_names),
        cmocka_unit_test(resumption),
        cmocka_unit_test(several_sessions),
    };
    return cmocka_run_group_tests_name("tls_connect", tests, NULL, NULL);
}

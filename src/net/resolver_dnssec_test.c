/* DNSSEC through the resolver: a zone signed here with ECDSA P-256 (RFC 6605), its key as trust anchor. */
#include "base/encode.h"
#include "net/net_test.h"
#include "net/resolver.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TYPE_OPT = 41, TYPE_RRSIG = 46, TYPE_DNSKEY = 48, ALGORITHM = 13, KEY_LEN = 64, TTL = 60, ANSWER_MAX = 1400 };
static const char zone_name[] = "secure.test";

static EVP_PKEY *key;
static struct buf dnskey = BUF_INIT(256); /* RDATA */
static int server_fd;

static void put_u16(struct buf *b, unsigned v) {
    buf_addc(b, (char)(v >> 8));
    buf_addc(b, (char)v);
}

static void put_u32(struct buf *b, uint32_t v) {
    put_u16(b, v >> 16);
    put_u16(b, v & 0xffff);
}

static void put_name(struct buf *b, const char *text) {
    struct str rest = str_from(text), label;
    while ((label = str_cut(&rest, '.')).len > 0) {
        buf_addc(b, (char)label.len);
        buf_add(b, label);
    }
    buf_addc(b, '\0');
}

static void make_key(void) {
    unsigned char point[1 + KEY_LEN];
    size_t len = 0;
    key = EVP_EC_gen("P-256");
    assert_non_null(key);
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len), 1);
    assert_int_equal(len, sizeof point);
    put_u16(&dnskey, 257); /* zone key, entry point */
    buf_addc(&dnskey, 3);
    buf_addc(&dnskey, ALGORITHM);
    buf_add(&dnskey, str_of(point + 1, KEY_LEN));
}

/* RFC 4034 appendix B. */
static unsigned key_tag(void) {
    uint32_t sum = 0;
    for (size_t i = 0; i < dnskey.len; i++) sum += (uint32_t)(unsigned char)dnskey.ptr[i] << ((i & 1) != 0 ? 0 : 8);
    return (sum + (sum >> 16)) & 0xffff;
}

static void put_signature(struct buf *out, struct str data) {
    unsigned char der[128], raw[KEY_LEN];
    const unsigned char *p = der;
    size_t len = sizeof der;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(md, der, &len, (const unsigned char *)data.ptr, data.len), 1);
    EVP_MD_CTX_free(md);
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, KEY_LEN / 2);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + KEY_LEN / 2, KEY_LEN / 2);
    ECDSA_SIG_free(sig);
    buf_add(out, str_of(raw, sizeof raw));
}

static void put_record(struct buf *out, const char *owner, unsigned type, struct str rdata) {
    put_name(out, owner);
    put_u16(out, type);
    put_u16(out, 1);
    put_u32(out, TTL);
    put_u16(out, (unsigned)rdata.len);
    buf_add(out, rdata);
}

/* RFC 4034 section 3.1.8.1: signed is the RDATA without signature, then the record in canonical form. */
static void put_rrsig(struct buf *out, const char *owner, unsigned type, struct str rdata, bool damaged) {
    BUF_AUTO sig = BUF_INIT(512);
    BUF_AUTO data = BUF_INIT(1024);
    unsigned labels = 1;
    for (const char *p = owner; *p != '\0'; p++) labels += *p == '.';
    put_u16(&sig, type);
    buf_addc(&sig, ALGORITHM);
    buf_addc(&sig, (char)labels);
    put_u32(&sig, TTL);
    put_u32(&sig, (uint32_t)time(NULL) + 3600);
    put_u32(&sig, (uint32_t)time(NULL) - 3600);
    put_u16(&sig, key_tag());
    put_name(&sig, zone_name);
    buf_add(&data, buf_str(&sig));
    put_record(&data, owner, type, rdata);
    put_signature(&sig, buf_str(&data));
    if (damaged) sig.ptr[sig.len - 1] ^= 1;
    put_record(out, owner, TYPE_RRSIG, buf_str(&sig));
}

static const struct {
    const char *name;
    bool is_signed, damaged;
} hosts[] = {{"good.secure.test", true, false},
             {"forged.secure.test", true, true},
             {"bare.secure.test", false, false},
             {"host.plain.test", false, false}};

/* The answer section for a question; returns the number of records, -1 = no such name. */
static int put_answers(struct buf *out, const char *name, unsigned type) {
    if (strcmp(name, zone_name) == 0) {
        if (type != TYPE_DNSKEY) return 0;
        put_record(out, name, type, buf_str(&dnskey));
        put_rrsig(out, name, type, buf_str(&dnskey), false);
        return 2;
    }
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        if (strcmp(hosts[i].name, name) != 0) continue;
        if (type != DNS_A) return 0;
        put_record(out, name, type, STR("\x7f\0\0\2"));
        if (hosts[i].is_signed) put_rrsig(out, name, type, STR("\x7f\0\0\2"), hosts[i].damaged);
        return hosts[i].is_signed ? 2 : 1;
    }
    return -1;
}

static void answer(const unsigned char *query, size_t len, const struct sockaddr_in *from) {
    char name[256];
    size_t at = 12, n = 0;
    for (; at < len && query[at] != 0; at += 1u + query[at]) {
        if (n > 0) name[n++] = '.';
        for (unsigned i = 1; i <= query[at]; i++) name[n++] = ascii_lower((char)query[at + i]);
    }
    name[n] = '\0';
    if (at + 5 > len) return;
    BUF_AUTO records = BUF_INIT(ANSWER_MAX);
    BUF_AUTO out = BUF_INIT(ANSWER_MAX);
    int count = put_answers(&records, name, (unsigned)query[at + 1] << 8 | query[at + 2]);
    buf_add(&out, str_of(query, 2));
    put_u16(&out, count < 0 ? 0x8483 : 0x8480);
    put_u16(&out, 1);
    put_u16(&out, count < 0 ? 0 : (unsigned)count);
    put_u16(&out, 0);
    put_u16(&out, 1);
    buf_add(&out, str_of(query + 12, at + 5 - 12));
    buf_add(&out, buf_str(&records));
    buf_addc(&out, '\0'); /* OPT with the DO bit: who does not know EDNS cannot do DNSSEC */
    put_u16(&out, TYPE_OPT);
    put_u16(&out, 4096);
    put_u32(&out, 0x8000);
    put_u16(&out, 0);
    assert_int_equal(out.error, 0);
    (void)sendto(server_fd, out.ptr, out.len, 0, (const struct sockaddr *)from, sizeof *from);
}

static void serve(void *arg) {
    (void)arg;
    do {
        unsigned char query[1500];
        struct sockaddr_in from;
        socklen_t from_len = sizeof from;
        ssize_t n;
        while ((n = recvfrom(server_fd, query, sizeof query, 0, (struct sockaddr *)&from, &from_len)) > 0) {
            answer(query, (size_t)n, &from);
        }
    } while (fiber_wait_fd(server_fd, FIBER_READ, DEADLINE_NEVER) == 0);
    close(server_fd);
}

static struct resolver *start(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server_fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(server_fd, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(fiber_spawn("dns", serve, NULL, NULL), 0);
    char name[32], anchor[256];
    (void)snprintf(name, sizeof name, "127.0.0.1@%d", ntohs(at.sin_port));
    BUF_AUTO text = BUF_INIT(128);
    base64_encode(&text, str_sub(buf_str(&dnskey), 4, KEY_LEN));
    (void)snprintf(anchor, sizeof anchor, "%s. 60 IN DNSKEY 257 3 13 %s", zone_name, buf_cstr(&text));
    struct resolver_config cfg = {
        .servers = (const char *[]){name, NULL}, .trust_anchor_text = anchor, .timeout_ms = 5000};
    struct resolver *r = NULL;
    struct error err = {0};
    assert_int_equal(resolver_new(&cfg, &r, &err), 0);
    return r;
}

/* secure and bogus are kept with each answer; bogus is a temporary failure. */
FIBER_TEST(secure_insecure_and_bogus) {
    static const struct {
        const char *name;
        enum dns_status status;
        bool secure, bogus;
    } cases[] = {
        {"good.secure.test", DNS_OK, true, false},
        {"forged.secure.test", DNS_TEMPFAIL, false, true},
        {"bare.secure.test", DNS_TEMPFAIL, false, true},
        {"host.plain.test", DNS_OK, false, false},
    };
    make_key();
    struct resolver *r = start();
    ARENA_AUTO a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dns_answer got;
        assert_int_equal(resolver_query(r, str_from(cases[i].name), DNS_A, a, &got), 0);
        assert_int_equal(got.status, cases[i].status);
        assert_int_equal(got.secure, cases[i].secure);
        assert_int_equal(got.bogus, cases[i].bogus);
    }
    resolver_free(r);
    EVP_PKEY_free(key);
    buf_done(&dnskey);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(secure_insecure_and_bogus)};
    return cmocka_run_group_tests_name("resolver_dnssec", tests, NULL, NULL);
}

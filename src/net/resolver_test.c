/* The resolver against a name server of our own on loopback: ROUTE-04 (MX in preference order), ROUTE-09 (timeout). */
#include "net/dns_packet.h"
#include "net/net_test.h"
#include "net/resolver.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct record {
    const char *name;
    uint16_t type;
    const char *rdata;
    size_t len;
} zone[] = {
#define RR(name, type, rdata)                                                                                          \
    { name, type, rdata, sizeof(rdata) - 1 }
    RR("example.test", DNS_MX,
       "\x00\x14\x06second\x07"
       "example\x04test\x00"),
    RR("example.test", DNS_MX,
       "\x00\x0a\x05"
       "first\x07"
       "example\x04test\x00"),
    RR("null.test", DNS_MX, "\x00\x00\x00"),
    RR("host.test", DNS_A, "\x7f\x00\x00\x07"),
    RR("host.test", DNS_AAAA, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"),
    RR("alias.test", 5, "\x04host\x04test\x00"),
    RR("_imaps._tcp.host.test", DNS_SRV, "\x00\x01\x00\x02\x03\xe1\x04host\x04test\x00"),
    RR("text.test", DNS_TXT, "\x03one\x04 two"),
    RR("7.0.0.127.in-addr.arpa", DNS_PTR, "\x04Host\x04test\x00"),
};

static int server_fd, server_port;
static unsigned asked; /* questions that the server saw */

/* Reads the question's name as text and its type; returns the length of the question, 0 = nonsense. */
static size_t read_question(const unsigned char *p, size_t len, char *name, unsigned *type) {
    size_t at = 12, n = 0;
    while (at < len && p[at] != 0) {
        if (n > 0) name[n++] = '.';
        for (unsigned i = 1; i <= p[at]; i++) name[n++] = ascii_lower((char)p[at + i]);
        at += 1u + p[at];
    }
    name[n] = '\0';
    if (at + 5 > len) return 0;
    *type = (unsigned)p[at + 1] << 8 | p[at + 2];
    return at + 5 - 12;
}

static void serve_one(const unsigned char *query, size_t len, const struct sockaddr_in *from) {
    unsigned char out[1500] = {0};
    char name[256];
    unsigned type, answers = 0;
    bool known = false;
    size_t question = read_question(query, len, name, &type), at = 12 + question;
    asked++;
    if (question == 0 || strcmp(name, "silent.test") == 0) return;
    memcpy(out, query, at);
    for (size_t i = 0; i < sizeof zone / sizeof zone[0]; i++) {
        if (strcmp(zone[i].name, name) != 0) continue;
        known = true;
        if (zone[i].type != type && zone[i].type != 5) continue;
        static const unsigned char fixed[] = {0xc0, 12, 0, 0, 0, 1, 0, 0, 14, 16, 0, 0}; /* for an hour */
        memcpy(out + at, fixed, sizeof fixed);
        out[at + 3] = (unsigned char)zone[i].type;
        out[at + 11] = (unsigned char)zone[i].len;
        memcpy(out + at + sizeof fixed, zone[i].rdata, zone[i].len);
        at += sizeof fixed + zone[i].len;
        answers++;
    }
    out[2] = 0x84;
    out[3] = strcmp(name, "broken.test") == 0 ? 0x82 : known ? 0x80 : 0x83;
    out[5] = 1;
    out[7] = (unsigned char)answers;
    out[9] = out[11] = 0;
    (void)sendto(server_fd, out, at, 0, (const struct sockaddr *)from, sizeof *from);
}

static void serve(void *arg) {
    (void)arg;
    for (;;) {
        unsigned char query[1500];
        struct sockaddr_in from;
        socklen_t from_len = sizeof from;
        ssize_t n = recvfrom(server_fd, query, sizeof query, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
        if (n >= 12) {
            serve_one(query, (size_t)n, &from);
        } else if (fiber_wait_fd(server_fd, FIBER_READ, DEADLINE_NEVER) != 0) {
            close(server_fd);
            return;
        }
    }
}

static struct resolver *start_with(struct resolver_config cfg, struct fiber **server) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(server_fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(server_fd, (struct sockaddr *)&at, &len), 0);
    server_port = ntohs(at.sin_port);
    assert_int_equal(fiber_spawn("dns", serve, NULL, server), 0);
    char name[32];
    (void)snprintf(name, sizeof name, "127.0.0.1@%d", server_port);
    const char *servers[] = {name, NULL};
    cfg.servers = servers;
    struct resolver *r = NULL;
    struct error err = {0};
    assert_int_equal(resolver_new(&cfg, &r, &err), 0);
    return r;
}

static struct resolver *start(uint64_t timeout_ms, struct fiber **server) {
    return start_with((struct resolver_config){.timeout_ms = timeout_ms}, server);
}

FIBER_TEST(mx_in_order) {
    struct fiber *server;
    struct resolver *r = start(5000, &server);
    ARENA_AUTO a = arena_new(1 << 20);
    struct dns_mx *mx;
    size_t n;
    enum dns_status status;
    bool secure;
    assert_int_equal(resolver_mx(r, STR("example.test"), a, &status, &secure, &mx, &n), 0);
    assert_int_equal(status, DNS_OK);
    assert_false(secure);
    assert_int_equal(n, 2);
    assert_true(str_eq(mx[0].host, STR("first.example.test")));
    assert_int_equal(mx[0].preference, 10);
    assert_true(str_eq(mx[1].host, STR("second.example.test")));
    assert_int_equal(resolver_mx(r, STR("null.test."), a, &status, &secure, &mx, &n), 0); /* RFC 7505 */
    assert_int_equal(n, 1);
    assert_int_equal(mx[0].host.len, 0);
    assert_int_equal(resolver_mx(r, STR("host.test"), a, &status, &secure, &mx, &n), 0);
    assert_int_equal(status, DNS_NODATA);
    assert_int_equal(resolver_mx(r, STR("missing.test"), a, &status, &secure, &mx, &n), 0);
    assert_int_equal(status, DNS_NXDOMAIN);
    resolver_free(r);
    fiber_cancel(server);
}

FIBER_TEST(addresses_names_and_texts) {
    struct fiber *server;
    struct resolver *r = start(5000, &server);
    ARENA_AUTO a = arena_new(1 << 20);
    enum dns_status status;
    bool secure;
    struct net_addr *addr;
    struct str *texts;
    struct dns_answer answer;
    size_t n;
    assert_int_equal(resolver_addresses(r, STR("host.test"), 25, a, &status, &secure, &addr, &n), 0);
    assert_int_equal(status, DNS_OK);
    assert_int_equal(n, 2);
    assert_int_equal(addr[0].family, AF_INET6);
    assert_int_equal(addr[1].ip[3], 7);
    assert_int_equal(addr[1].port, 25);
    assert_int_equal(resolver_query(r, STR("alias.test"), DNS_A, a, &answer), 0);
    assert_int_equal(answer.status, DNS_OK);
    assert_true(str_eq(answer.cname, STR("host.test")));
    assert_int_equal(resolver_txt(r, STR("text.test"), a, &status, &texts, &n), 0);
    assert_int_equal(n, 1);
    assert_true(str_eq(texts[0], STR("one two")));
    assert_int_equal(resolver_ptr(r, &addr[1], a, &status, &texts, &n), 0);
    assert_true(n == 0 ||
                str_eq(texts[0], STR("host.test"))); /* 127.in-addr.arpa may be answered by libunbound itself */
    resolver_free(r);
    fiber_cancel(server);
}

/* DNSBL-10: what does not answer delays the others by no more than the time given. */
FIBER_TEST(many_at_once) {
    struct fiber *server;
    struct resolver *r = start(5000, &server);
    ARENA_AUTO a = arena_new(1 << 20);
    struct dns_question q[] = {{STR("silent.test"), DNS_A, {0}},
                               {STR("host.test"), DNS_A, {0}},
                               {STR("host.test"), DNS_AAAA, {0}},
                               {STR("missing.test"), DNS_A, {0}},
                               {STR("text.test"), DNS_A, {0}}};
    static const enum dns_status want[] = {DNS_TEMPFAIL, DNS_OK, DNS_OK, DNS_NXDOMAIN, DNS_NODATA};
    uint64_t begin = loop_now_ms();
    assert_int_equal(resolver_query_many(r, q, 5, 1500, a), 0); /* in which a slow machine gets the answers there are */
    assert_in_range(loop_now_ms() - begin, 1495, 4500);
    for (size_t i = 0; i < 5; i++) assert_int_equal(q[i].answer.status, want[i]);
    assert_true(str_eq(q[1].answer.rdata[0], STR("\x7f\0\0\x07")));
    assert_int_equal(resolver_query_many(r, q, 0, 0, a), 0);
    resolver_free(r);
    fiber_cancel(server);
}

static void reverse_names(void **state) {
    (void)state;
    static const struct {
        const char *address, *name;
    } cases[] = {
        {"192.0.2.1", "1.2.0.192.in-addr.arpa"},
        {"2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct net_addr a;
        char name[DNS_REVERSE_MAX];
        assert_int_equal(net_addr_parse(str_from(cases[i].address), 0, &a), 0);
        dns_reverse_name(&a, name);
        assert_string_equal(name, cases[i].name);
    }
}

FIBER_TEST(failures_are_temporary) {
    struct fiber *server;
    struct resolver *r = start(300, &server);
    ARENA_AUTO a = arena_new(1 << 20);
    struct dns_answer answer;
    assert_int_equal(resolver_query(r, STR("broken.test"), DNS_A, a, &answer), 0);
    assert_int_equal(answer.status, DNS_TEMPFAIL);
    uint64_t begin = loop_now_ms();
    assert_int_equal(resolver_query(r, STR("silent.test"), DNS_A, a, &answer), 0);
    assert_int_equal(answer.status, DNS_TEMPFAIL);
    assert_true(loop_now_ms() - begin < 5000);
    resolver_free(r);
    fiber_cancel(server);
}

static struct resolver *going;

static void ask_silent(void *arg) {
    ARENA_AUTO a = arena_new(1 << 20);
    struct dns_answer answer;
    *(int *)arg = resolver_query(going, STR("silent.test"), DNS_A, a, &answer);
}

static unsigned questions(struct resolver *r, const char *name, struct arena *a) {
    struct dns_answer answer;
    for (int left = 1; left > 0; fiber_yield()) /* what was asked twice because the machine is slow does not count */
        assert_int_equal(ioctl(server_fd, FIONREAD, &left), 0);
    unsigned before = asked;
    assert_int_equal(resolver_query(r, str_from(name), DNS_A, a, &answer), 0);
    return asked - before;
}

/* ROUTE-08: as many answers as it says are kept; none at all if that is wanted. */
FIBER_TEST(cache) {
    static const struct {
        uint64_t records;
        bool again; /* a name that was asked for before, and then 2000 others, is asked for again */
        bool kept;
    } table[] = {{0, false, true}, {100000, false, true}, {16, true, true}, {RESOLVER_NO_CACHE, true, false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct fiber *server;
        struct resolver *r =
            start_with((struct resolver_config){.timeout_ms = 20000, .cache_records = table[i].records}, &server);
        ARENA_AUTO a = arena_new(1 << 20);
        char name[32];
        assert_true(questions(r, "host.test", a) > 0); /* more when it is asked again because the machine is slow */
        assert_int_equal(questions(r, "host.test", a) > 0, !table[i].kept);
        for (int k = 0; k < 2000; k++) {
            (void)snprintf(name, sizeof name, "name%d.test", k);
            assert_true(questions(r, name, a) > 0);
        }
        assert_int_equal(questions(r, "host.test", a) > 0, table[i].again);
        resolver_free(r);
        fiber_cancel(server);
        fiber_yield();
    }
}

FIBER_TEST(ends_while_asked) {
    struct fiber *server, *asking;
    int cancelled = 1, freed = 1;
    going = start(60000, &server);
    assert_int_equal(fiber_spawn("ask", ask_silent, &cancelled, &asking), 0);
    assert_int_equal(fiber_sleep(5), 0);
    fiber_cancel(asking);
    assert_int_equal(fiber_spawn("ask", ask_silent, &freed, NULL), 0);
    assert_int_equal(fiber_sleep(5), 0);
    assert_int_equal(cancelled, ERR_CANCELLED);
    resolver_free(going);
    fiber_yield();
    assert_int_equal(freed, 0); /* temporary failure */
    fiber_cancel(server);
}

static void bad_configuration(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(loop_init(&err), 0);
    const char *servers[] = {"not an address", NULL};
    struct resolver *r = NULL;
    assert_int_equal(resolver_new(&(struct resolver_config){.servers = servers}, &r, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "not an address"));
    loop_done();
}

static void packets_that_lie(void **state) {
    (void)state;
    ARENA_AUTO a = arena_new(1 << 20);
    struct dns_packet p;
    static const char good[] = "\0\0\x81\x80\0\1\0\1\0\0\0\0\1x\0\0\1\0\1\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1";
    assert_int_equal(dns_packet_answers(str_of(good, sizeof good - 1), a, &p), 0);
    assert_int_equal(p.count, 1);
    assert_true(str_eq(p.records[0].rdata, STR("\x7f\0\0\1")));
    for (size_t cut = 0; cut < sizeof good - 1; cut++) {
        assert_int_equal(dns_packet_answers(str_of(good, cut), a, &p), ERR_CORRUPT);
    }
    /* Neither dots inside a label nor line ends get through. */
    static const char odd[] = "\0\0\x81\x80\0\0\0\1\0\0\0\0\1x\0\0\x0c\0\1\0\0\0\x3c\0\x08\6a.b\r\nc\0";
    assert_int_equal(dns_packet_answers(str_of(odd, sizeof odd - 1), a, &p), 0);
    assert_true(str_eq(p.records[0].rdata, STR("a?b??c")));
    static const char loop[] = "\0\0\x81\x80\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1";
    assert_int_equal(dns_packet_answers(str_of(loop, sizeof loop - 1), a, &p), ERR_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mx_in_order),
        cmocka_unit_test(addresses_names_and_texts),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(reverse_names),
        cmocka_unit_test(failures_are_temporary),
        cmocka_unit_test(cache),
        cmocka_unit_test(ends_while_asked),
        cmocka_unit_test(bad_configuration),
        cmocka_unit_test(packets_that_lie),
    };
    return cmocka_run_group_tests_name("resolver", tests, NULL, NULL);
}

/* Unit tests of names and hosts: ROUTE-01 to ROUTE-05, ROUTE-14; RFC 5321 section 5.1, RFC 7505. */
#include "proto/smtp/destination.h"
#include "smtpc/hosttable.h"
#include "smtpc/mx.h"
#include "smtpc/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void destinations(void **state) {
    (void)state;
    static const struct {
        const char *text, *want; /* host/address, flags, port; NULL = error */
    } cases[] = {
        {"Example.COM", "example.com mx 25"},
        {"example.com.", "example.com mx 25"},
        {"example.com:587", "example.com mx 587"},
        {"[mail.example.com]", "mail.example.com host 25"},
        {"[mail.example.com]:587", "mail.example.com host 587"},
        {"[192.0.2.1]", "192.0.2.1 literal 25"},
        {"[192.0.2.1]:2525", "192.0.2.1 literal 2525"},
        {"[IPv6:2001:db8::1]", "2001:db8::1 literal 25"},
        {"[ipv6:2001:db8::1]:26", "2001:db8::1 literal 26"},
        {"192.0.2.1", "192.0.2.1 literal 25"},
        {"192.0.2.1:2525", "192.0.2.1 literal 2525"},
        {"2001:db8::1", "2001:db8::1 literal 25"},
        {"[2001:db8::1]:26", "2001:db8::1 literal 26"},
        {"192.0.2.1:", NULL},
        {"2001:db8::1:zz", NULL},
        {"", NULL},
        {".", NULL},
        {"[", NULL},
        {"[]", NULL},
        {"[a", NULL},
        {"a b", NULL},
        {"a:", NULL},
        {"a:0", NULL},
        {"a:65536", NULL},
        {"[a]x", NULL},
        {"[IPv6:zz]", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct destination d;
        struct error err = {0};
        int rc = destination_parse(str_from(cases[i].text), 25, &d, &err);
        if (cases[i].want == NULL) {
            assert_int_equal(rc, ERR_INVALID);
            assert_true(err.text[0] != '\0');
            continue;
        }
        char text[400], ip[NET_ADDR_TEXT_MAX] = "";
        assert_int_equal(rc, 0);
        if (d.literal) net_addr_ip_text(&d.addr, ip);
        (void)snprintf(text, sizeof text, "%s %s %u", d.literal ? ip : d.host,
                       d.literal ? "literal"
                       : d.no_mx ? "host"
                                 : "mx",
                       d.port);
        assert_string_equal(text, cases[i].want);
        if (d.literal) assert_int_equal(d.addr.port, d.port);
    }
}

static void host_table(void **state) {
    (void)state;
    static const char text[] = "# routes\n192.0.2.1 example.com mail.example.com # two names\n"
                               "192.0.2.2:2525\texample.com\r\n[2001:db8::1]:26 six.example\n2001:db8::2 six.example\n"
                               "192.0.2.9 *.sub.example\n\n192.0.2.10 deep.a.sub.example\n";
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"example.com", "192.0.2.1:25 192.0.2.2:2525"},
        {"EXAMPLE.com", "192.0.2.1:25 192.0.2.2:2525"},
        {"mail.example.com", "192.0.2.1:25"},
        {"six.example", "[2001:db8::1]:26 [2001:db8::2]:25"},
        {"x.sub.example", "192.0.2.9:25"},
        {"x.y.sub.example", "192.0.2.9:25"},
        {"deep.a.sub.example", "192.0.2.10:25"},
        {"sub.example", ""},
        {"other.com", ""},
        {"", ""},
    };
    struct hosttable *t = NULL;
    assert_int_equal(hosttable_parse(str_from(text), &t, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_addr a[HOSTTABLE_ADDRESSES_MAX];
        char out[400] = "", one[NET_ADDR_TEXT_MAX];
        size_t n = hosttable_find(t, str_from(cases[i].name), 25, a);
        for (size_t k = 0; k < n; k++) {
            size_t len = strlen(out);
            net_addr_text(&a[k], one);
            (void)snprintf(out + len, sizeof out - len, "%s%s", k > 0 ? " " : "", one);
        }
        assert_string_equal(out, cases[i].want);
    }
    hosttable_free(t);
    assert_int_equal(hosttable_find(NULL, STR("x"), 25, (struct net_addr[HOSTTABLE_ADDRESSES_MAX]){0}), 0);
    static const struct {
        const char *text, *error;
    } bad[] = {{"\nnot-an-address host\n", "line 2: \"not-an-address\" is no address"},
               {"192.0.2.1 # nobody\n", "line 1: no name"},
               {"[2001:db8::1 x\n", "line 1:"},
               {"192.0.2.1:99999 x\n", "line 1:"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = {0};
        assert_int_equal(hosttable_parse(str_from(bad[i].text), &t, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, bad[i].error));
    }
}

static void mail_exchangers(void **state) {
    (void)state;
    static const struct {
        struct {
            unsigned preference;
            const char *host;
        } mx[4];
        enum mx_verdict verdict;
        size_t left;
    } cases[] = {
        {{{10, "a.test"}, {20, "b.test"}}, MX_TRY, 2},
        {{{0, ""}}, MX_NULL, 0},
        {{{10, "a.test"}, {20, "self.test"}, {30, "c.test"}}, MX_TRY, 1},
        {{{10, "a.test"}, {20, "b.test"}, {20, "SELF.test"}, {30, "c.test"}}, MX_TRY, 1},
        {{{10, "self.test"}, {20, "b.test"}}, MX_SELF, 0},
        {{{10, "b.test"}, {10, "self.test"}}, MX_SELF, 0},
        {{{0, NULL}}, MX_TRY, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dns_mx mx[4];
        size_t n = 0;
        for (; n < 4 && cases[i].mx[n].host != NULL; n++)
            mx[n] = (struct dns_mx){(uint16_t)cases[i].mx[n].preference, str_from(cases[i].mx[n].host)};
        assert_int_equal(mx_choose(mx, &n, STR("self.test")), cases[i].verdict);
        if (cases[i].verdict == MX_TRY) assert_int_equal(n, cases[i].left);
    }
}

/* A name service for the tests: domains and their MX ("-" null MX), hosts and their addresses; "?" = does not answer.
 */
static const struct {
    const char *name, *mx, *addresses;
} zone[] = {
    {"one.test", "10 mx1.test,20 mx2.test", ""},
    {"implicit.test", "", "192.0.2.7"},
    {"null.test", "-", "192.0.2.8"},
    {"empty.test", "", ""},
    {"circle.test", "10 self.test,20 mx1.test", ""},
    {"backup.test", "10 mx1.test,20 self.test,30 mx2.test", ""},
    {"broken.test", "?", "?"},
    {"self.test", "", "192.0.2.99"},
    {"mx1.test", "", "192.0.2.1,2001:db8::1"},
    {"mx2.test", "", "?"},
    {"relay.test", "10 mx1.test", "192.0.2.50"},
    {"direct.routed.test", "", "192.0.2.8"},
};

static const char *zone_find(struct str name, bool mx, enum dns_status *status) {
    for (size_t i = 0; i < sizeof zone / sizeof zone[0]; i++) {
        if (!str_eq_nocase(str_from(zone[i].name), name)) continue;
        const char *text = mx ? zone[i].mx : zone[i].addresses;
        *status = text[0] == '?' ? DNS_TEMPFAIL : text[0] == '\0' ? DNS_NODATA : DNS_OK;
        return text;
    }
    *status = DNS_NXDOMAIN;
    return "";
}

static int zone_mx(void *arg, struct str domain, struct arena *arena, enum dns_status *status, struct dns_mx **mx,
                   size_t *count) {
    (void)arg;
    struct str rest = str_from(zone_find(domain, true, status));
    *mx = arena_alloc(arena, 8 * sizeof(**mx));
    for (*count = 0; *status == DNS_OK && rest.len > 0; (*count)++) {
        struct str host = str_cut(&rest, ','), preference = str_word(&host);
        uint64_t n = 0;
        if (str_eq(preference, STR("-")))
            host = STR_EMPTY;
        else if (str_to_u64(preference, 65535, &n) != 0)
            return ERR_INVALID;
        (*mx)[*count] = (struct dns_mx){(uint16_t)n, str_trim(host)};
    }
    return 0;
}

static int zone_addresses(void *arg, struct str host, uint16_t port, struct arena *arena, enum dns_status *status,
                          struct net_addr **addr, size_t *count) {
    (void)arg;
    struct str rest = str_from(zone_find(host, false, status));
    *addr = arena_alloc(arena, 8 * sizeof(**addr));
    for (*count = 0; *status == DNS_OK && rest.len > 0; (*count)++)
        if (net_addr_parse(str_cut(&rest, ','), port, &(*addr)[*count]) != 0) return ERR_INVALID;
    return 0;
}

static void routes(void **state) {
    (void)state;
    static const struct {
        enum route_mode mode;
        const char *relays, *destination,
            *want; /* hosts "name:port" or "name=address:port"; or the status of the failure */
    } cases[] = {
        {ROUTE_DNS, "", "one.test", "mx1.test:25 mx2.test:25"},
        {ROUTE_DNS, "", "ONE.test", "mx1.test:25 mx2.test:25"},
        {ROUTE_DNS, "", "one.test:2525", "mx1.test:2525 mx2.test:2525"},
        {ROUTE_DNS, "", "[one.test]", "4.4.4"},             /* no MX asked for, no address there */
        {ROUTE_DNS, "[relay.test]", "[one.test]", "4.4.4"}, /* and nothing else will do */
        {ROUTE_DNS, "", "[mx1.test]:26", "mx1.test=192.0.2.1:26"},
        {ROUTE_DNS, "", "implicit.test", "implicit.test=192.0.2.7:25"},
        {ROUTE_DNS, "", "[192.0.2.5]", "192.0.2.5=192.0.2.5:25"},
        {ROUTE_DNS, "", "null.test", "5.1.10"},
        {ROUTE_DNS, "", "empty.test", "5.1.2"},
        {ROUTE_DNS, "", "nowhere.test", "5.1.2"},
        {ROUTE_DNS, "", "broken.test", "4.4.3"},
        {ROUTE_DNS, "", "circle.test", "5.4.6"},
        {ROUTE_DNS, "", "self.test", "5.4.6"},
        {ROUTE_DNS, "", "backup.test", "mx1.test:25"},
        {ROUTE_DNS, "", "table.test", "5.1.2"},
        /* host table (ROUTE-01, ROUTE-05, ROUTE-14) */
        {ROUTE_TABLE, "", "table.test", "table.test=192.0.2.60:25"},
        {ROUTE_TABLE, "", "one.test", "one.test=192.0.2.61:2526"},
        {ROUTE_TABLE, "", "implicit.test", "5.1.2"},
        {ROUTE_TABLE_DNS, "", "one.test", "one.test=192.0.2.61:2526"},
        {ROUTE_TABLE_DNS, "", "implicit.test", "implicit.test=192.0.2.7:25"},
        {ROUTE_DNS_TABLE, "", "one.test", "mx1.test:25 mx2.test:25"},
        {ROUTE_DNS_TABLE, "", "table.test", "table.test=192.0.2.60:25"},
        {ROUTE_DNS_TABLE, "", "broken.test", "4.4.3"},
        /* what cannot be resolved goes to the relay host (ROUTE-02), a null MX does not */
        {ROUTE_DNS, "[relay.test]", "nowhere.test", "relay.test=192.0.2.50:25"},
        {ROUTE_DNS, "[relay.test]", "broken.test", "relay.test=192.0.2.50:25"},
        {ROUTE_DNS, "[relay.test]", "null.test", "5.1.10"},
        {ROUTE_DNS, "[relay.test]", "one.test", "mx1.test:25 mx2.test:25"},
        /* relay host only (ROUTE-03, ROUTE-11, ROUTE-15) */
        {ROUTE_RELAY, "[relay.test]:587", "one.test", "relay.test=192.0.2.50:587"},
        {ROUTE_RELAY, "relay.test", "one.test", "mx1.test:25"},
        {ROUTE_RELAY, "[relay.test] [mx1.test]", "one.test", "relay.test=192.0.2.50:25 mx1.test=192.0.2.1:25"},
        {ROUTE_RELAY, "[table.test]", "broken.test", "table.test=192.0.2.60:25"}, /* ROUTE-07: DNS is not needed */
        {ROUTE_RELAY, "nowhere.test", "one.test", "4.4.4"},
        {ROUTE_RELAY, "nowhere.test [mx1.test]", "one.test", "mx1.test=192.0.2.1:25"},
        /* next hops of domain forwarding (LIM-19) */
        {ROUTE_RELAY, "[relay.test]", "[mx1.test]:587", "mx1.test=192.0.2.1:587"},
        {ROUTE_RELAY, "[mx2.test]", "relay.test:26", "mx1.test:26"},
        {ROUTE_DNS, "", "192.0.2.9:26", "192.0.2.9=192.0.2.9:26"},
        /* the table of routes goes before everything else (ROUTE-14, ROUTE-15) */
        {ROUTE_DNS, "", "a.routed.test", "relay.test=192.0.2.50:587 mx1.test:25 mx2.test:25"},
        {ROUTE_RELAY, "[mx1.test]", "routed.test", "relay.test=192.0.2.50:587 one.test=192.0.2.61:2526"},
        {ROUTE_TABLE_DNS, "", "routed.test", "relay.test=192.0.2.50:587 one.test=192.0.2.61:2526"},
        {ROUTE_RELAY, "[mx1.test]", "direct.routed.test", "direct.routed.test=192.0.2.8:25"}, /* an exception */
        {ROUTE_DNS, "[mx1.test]", "lost.test", "4.4.4"}, /* a route that leads nowhere is no reason to take another */
        {ROUTE_RELAY, "", "one.test", "4.4.4"},
        {ROUTE_DNS, "[relay.test]:587", "[relay.test]:587", "relay.test=192.0.2.50:587"}, /* queued while relaying */
    };
    struct hosttable *table = NULL;
    struct rows *rows = NULL;
    assert_int_equal(rows_parse(table_find(STR("route")),
                                STR("routed.test hosts=[relay.test]:587,one.test\ndirect.routed.test\nlost.test "
                                    "hosts=nowhere.test\n"),
                                &rows, NULL),
                     0);
    assert_int_equal(hosttable_parse(STR("192.0.2.60 table.test\n192.0.2.61:2526 one.test\n"), &table, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO a = arena_new(1 << 20);
        struct router r = {.mode = cases[i].mode,
                           .table = table,
                           .relays = cases[i].relays,
                           .port = 25,
                           .routes = rows,
                           .hostname = "self.test",
                           .dns = {zone_mx, zone_addresses, NULL}};
        struct route route;
        struct outcome why;
        char out[400] = "", one[NET_ADDR_TEXT_MAX];
        int rc = route_find(&r, str_from(cases[i].destination), a, &route, &why);
        if (rc != 0) {
            assert_string_equal(why.status, cases[i].want);
            assert_int_equal(rc, why.class == OUTCOME_PERMANENT ? ERR_NOTFOUND : ERR_AGAIN);
            continue;
        }
        for (size_t k = 0; k < route.count; k++) {
            const struct route_host *h = &route.hosts[k];
            size_t len = strlen(out);
            if (h->addr != NULL) net_addr_text(h->addr, one);
            if (h->addr != NULL)
                (void)snprintf(out + len, sizeof out - len, "%s%s=%s", k > 0 ? " " : "", h->name, one);
            else
                (void)snprintf(out + len, sizeof out - len, "%s%s:%u", k > 0 ? " " : "", h->name, h->port);
        }
        assert_string_equal(out, cases[i].want);
    }
    hosttable_free(table);
    rows_free(rows);
}

/* SAUTH-04, SAUTH-05: each next hop has its own user; "-" is none, the last stands for all that follow. */
static void credentials(void **state) {
    (void)state;
    static const struct {
        const char *users, *files, *want;
    } cases[] = {
        {"", "", "(-) (-) (-)"},
        {"a", "f", "(a f) (a f) (a f)"},
        {"a b", "f g", "(a f) (b g) (b g)"},
        {"- b -", "- g", "(-) (b g) (-)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO a = arena_new(1 << 20);
        struct router r = {.mode = ROUTE_RELAY,
                           .relays = "[192.0.2.1] [192.0.2.2] [192.0.2.3]",
                           .relay_users = cases[i].users,
                           .relay_password_files = cases[i].files,
                           .port = 25,
                           .hostname = "self.test",
                           .dns = {zone_mx, zone_addresses, NULL}};
        struct route route;
        struct outcome why;
        char out[200] = "";
        assert_int_equal(route_find(&r, STR("one.test"), a, &route, &why), 0);
        for (size_t k = 0; k < route.count; k++) {
            const struct route_host *h = &route.hosts[k];
            size_t len = strlen(out);
            assert_int_equal(h->hop, k + 1);
            (void)snprintf(out + len, sizeof out - len, "%s(%s%s%s)", k > 0 ? " " : "", h->user == NULL ? "-" : h->user,
                           h->user == NULL ? "" : " ", h->user == NULL ? "" : h->password_file);
        }
        assert_string_equal(out, cases[i].want);
    }
}

static void modes(void **state) {
    (void)state;
    enum route_mode m;
    assert_int_equal(route_mode_parse(STR("dnsthenhosttable"), &m), 0);
    assert_int_equal(m, ROUTE_DNS_TABLE);
    assert_int_equal(route_mode_parse(STR("MailRelayHost"), &m), 0);
    assert_int_equal(m, ROUTE_RELAY);
    assert_int_equal(route_mode_parse(STR("dns"), &m), ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(destinations), cmocka_unit_test(host_table), cmocka_unit_test(mail_exchangers),
        cmocka_unit_test(routes),       cmocka_unit_test(modes),      cmocka_unit_test(credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Who may send, in sessions with tables and a DNS of their own. */
#include "smtpd/admit.h"
#include "smtpd/rig.h"

#include <string.h>

#define HELLO   "< 220\n> EHLO mail.good.example\n< 250\n"
#define MAIL(f) "> MAIL FROM:<" f ">\n"
#define MESSAGE                                                                                                        \
    "> MAIL FROM:<a@good.example>\n< 250\n> RCPT TO:<bart@example.test>\n< 250\n> DATA\n< 354\n"                       \
    "> X-IEMS-Spam: dnsbl=forged.example\n> Subject: x\n> \n> text\n> .\n< 250\n"

static const char dns[] =
    "1.2.0.192.in-addr.arpa PTR mail.good.example\n"
    "mail.good.example A 192.0.2.1\n"
    "2.2.0.192.in-addr.arpa PTR mail.liar.example\n"
    "mail.liar.example A 192.0.2.77\n"
    "4.2.0.192.in-addr.arpa PTR !\n"
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR six.good.example\n"
    "six.good.example AAAA 2001:db8::1\n"
    "good.example MX 10 mail.good.example\n"
    "null.example MX 0 .\n"
    "slow.example MX !\n"
    "7.2.0.192.bl.example A 127.0.0.2\n"
    "7.2.0.192.bl.example TXT an open proxy\n"
    "7.2.0.192.tag.example A 127.0.0.4\n"
    "8.2.0.192.tag.example A 127.0.0.4\n"
    "8.2.0.192.more.example A 127.0.0.9\n"
    "9.2.0.192.bl.example A 127.255.255.254\n"
    "10.2.0.192.bl.example A !\n"
    "11.2.0.192.bl.example A 127.0.0.2\n"
    "11.2.0.192.wl.example A 127.0.0.1\n"
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example A 127.0.0.2\n";

static void mode(enum check check, enum check_mode m) {
    rig.d.access.mode[check] = m;
}

/* SMTPD-16, RDNS-02, RDNS-03, SNDCHK-01: each check, for good and for now. */
RIG_TEST(checks) {
    static const struct {
        enum check check;
        enum check_mode mode;
        const char *peer, *script;
    } cases[] = {
        {CHECK_RDNS, MODE_PERMANENT, "192.0.2.1", HELLO MAIL("a@b.example") "< 250"},
        {CHECK_RDNS, MODE_PERMANENT, "192.0.2.3", HELLO MAIL("a@b.example") "< 550 5.7.25 Client [192.0.2.3]"},
        {CHECK_RDNS, MODE_TEMPORARY, "192.0.2.3", HELLO MAIL("a@b.example") "< 450 4.7.25"},
        {CHECK_RDNS, MODE_OFF, "192.0.2.3", HELLO MAIL("a@b.example") "< 250"},
        {CHECK_RDNS, MODE_PERMANENT, "192.0.2.4", HELLO MAIL("a@b.example") "< 250"}, /* DNS does not answer */
        {CHECK_RDNS, MODE_PERMANENT, "2001:db8::1", HELLO MAIL("a@b.example") "< 250"},
        {CHECK_RDNS, MODE_PERMANENT, "2001:db8::2", HELLO MAIL("a@b.example") "< 550 5.7.25"},
        {CHECK_RDNS_FORWARD, MODE_PERMANENT, "192.0.2.1", HELLO MAIL("a@b.example") "< 250"},
        {CHECK_RDNS_FORWARD, MODE_PERMANENT, "2001:db8::1", HELLO MAIL("a@b.example") "< 250"},
        {CHECK_RDNS_FORWARD, MODE_PERMANENT, "192.0.2.2", HELLO MAIL("a@b.example") "< 550 5.7.25 Reverse"},
        {CHECK_HELO_MATCH, MODE_PERMANENT, "192.0.2.1", HELLO MAIL("a@b.example") "< 250"},
        {CHECK_HELO_MATCH, MODE_PERMANENT, "192.0.2.2", HELLO MAIL("a@b.example") "< 550 5.7.1"},
        {CHECK_HELO_MATCH, MODE_TEMPORARY, "192.0.2.3", HELLO MAIL("a@b.example") "< 450 4.7.1"},
        {CHECK_HELO_SYNTAX, MODE_PERMANENT, "192.0.2.3",
         "< 220\n> EHLO nonsense\n< 250\n" MAIL("a@b.example") "< 550 5.7.1"},
        {CHECK_HELO_DNS, MODE_PERMANENT, "192.0.2.3", HELLO MAIL("a@b.example") "< 250"},
        {CHECK_HELO_DNS, MODE_PERMANENT, "192.0.2.3",
         "< 220\n> EHLO no.such.example\n< 250\n" MAIL(
             "a@b.example") "< 550 5.7.1\n> EHLO mail.good.example\n< 250\n" MAIL("a@b.example") "< 250"},
        {CHECK_SENDER_DOMAIN, MODE_PERMANENT, "192.0.2.3", HELLO MAIL("a@good.example") "< 250"},
        {CHECK_SENDER_DOMAIN, MODE_PERMANENT, "192.0.2.3", HELLO MAIL("a@mail.good.example") "< 250"},
        {CHECK_SENDER_DOMAIN, MODE_PERMANENT, "192.0.2.3", HELLO MAIL("a@b.example") "< 550 5.1.8"},
        {CHECK_SENDER_DOMAIN, MODE_TEMPORARY, "192.0.2.3", HELLO MAIL("a@b.example") "< 450 4.1.8"},
        {CHECK_SENDER_DOMAIN, MODE_PERMANENT, "192.0.2.3", HELLO MAIL("a@null.example") "< 550 5.7.27"},
        {CHECK_SENDER_DOMAIN, MODE_PERMANENT, "192.0.2.3", HELLO MAIL("a@slow.example") "< 250"},
        {CHECK_SENDER_DOMAIN, MODE_PERMANENT, "192.0.2.3", HELLO MAIL("a@[192.0.2.3]") "< 250"},
        {CHECK_SENDER_DOMAIN, MODE_PERMANENT, "192.0.2.3", HELLO MAIL("") "< 250"}, /* the null sender */
    };
    rig_dns(dns);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mode(cases[i].check, cases[i].mode);
        rig_talk("smtp", cases[i].peer, cases[i].script);
        mode(cases[i].check, MODE_OFF);
    }
    /* Users are not checked, nor are networks that need not be. */
    mode(CHECK_RDNS, MODE_PERMANENT);
    rig_talk("submission", "192.0.2.3", HELLO MAIL("a@b.example") "< 530");
    rig_talk("lmtp", "192.0.2.3", "< 220\n> LHLO x\n< 250\n" MAIL("a@b.example") "< 250");
    rig_table("access", "192.0.2.0/28 checks=no");
    rig_talk("smtp", "192.0.2.3", HELLO MAIL("a@b.example") "< 250");
    rig_talk("smtp", "192.0.2.33", HELLO MAIL("a@b.example") "< 550");
}

/* What is only logged becomes a tag. */
RIG_TEST(logged_checks_tag) {
    rig_dns(dns);
    mode(CHECK_RDNS, MODE_LOG);
    mode(CHECK_HELO_MATCH, MODE_LOG);
    rig_talk("smtp", "192.0.2.3", HELLO MESSAGE);
    assert_string_equal(buf_cstr(&rig.tags), "rdns=missing\nhelo_match=mismatch\n");
    assert_int_equal(rig.d.access.count[CHECK_RDNS].logged, 2);
    rig_talk("smtp", "192.0.2.1", HELLO MESSAGE);
    assert_string_equal(buf_cstr(&rig.tags), "");
    assert_non_null(strstr(buf_cstr(&rig.prefix), "Received: from mail.good.example (mail.good.example [192.0.2.1])"));
}

/* SNDCHK-02, SPAM-04 */
RIG_TEST(senders) {
    rig_table("sender", "spammer@good.example\n@bad.example\n@.worse.example\nfriend@bad.example action=accept");
    rig_table("peer", "banned.example accept=no");
    rig_talk(
        "smtp", "192.0.2.3",
        HELLO
            MAIL("spammer@good.example") "< 553 5.7.1 Mail from <spammer@good.example>\n" MAIL("x@sub.worse.example") "< 553\n" MAIL("friend@bad.example") "< 250\n> RSET\n< 250\n" MAIL(
                "foe@bad.example") "< 553\n" MAIL("x@host.banned.example") "< 553\n" MAIL("a@good.example") "< 250\n"
                                                                                                            "> RSET\n< "
                                                                                                            "250"
                                                                                                            "\n" MAIL(
                                                                                                                "") "< "
                                                                                                                    "25"
                                                                                                                    "0");
    mode(CHECK_SENDER_LIST, MODE_TEMPORARY);
    rig_talk("smtp", "192.0.2.3", HELLO MAIL("foe@bad.example") "< 450 4.7.1");
    mode(CHECK_SENDER_LIST, MODE_OFF);
    rig_talk("smtp", "192.0.2.3", HELLO MAIL("foe@bad.example") "< 250");
}

/* SMTPD-17, PEER-02, PEER-05 */
RIG_TEST(peers_that_may_not_send) {
    rig_dns(dns);
    rig_table("peer", "good.example accept=no\n");
    rig_talk("smtp", "192.0.2.1",
             "< 220\n> EHLO mail.good.example\n< 550 host mail.good.example is not authorized to connect to "
             "mail.example.test\n> MAIL FROM:<a@b.example>\n< 503\n> HELO x\n< 550");
    rig_talk("smtp", "192.0.2.2", "< 220\n> EHLO mail.good.example\n< 250"); /* not by that name */
    rig_table("peer", "good.example accept=no\nmail.good.example accept=yes");
    rig_talk("smtp", "192.0.2.1", "< 220\n> EHLO mail.good.example\n< 250");
    rig_table("peer", "* accept=no\ngood.example accept=yes");
    rig_talk("smtp", "192.0.2.1", "< 220\n> EHLO mail.good.example\n< 250");
    rig_talk("smtp", "192.0.2.3", "< 220\n> EHLO mail.good.example\n< 550 host [192.0.2.3] is not authorized");
    rig_talk("submission", "192.0.2.3", "< 220\n> EHLO mail.good.example\n< 250");
    mode(CHECK_PEER, MODE_TEMPORARY);
    rig_talk("smtp", "192.0.2.3", "< 220\n> EHLO mail.good.example\n< 450 host");
}

/* PEER-12, PEER-14, STLS-03 */
RIG_TEST(peers_have_sizes_and_tls) {
    rig_dns(dns);
    rig_table("peer", "good.example max_in=10000\nsecret.example tls_in=yes");
    rig_talk("smtp", "192.0.2.1",
             "< 220\n> EHLO x.example\n<~ SIZE 10000\n> MAIL FROM:<a@b.example> SIZE=10001\n< 552 5.3.4\n"
             "> MAIL FROM:<a@b.example> SIZE=10000\n< 250");
    rig_talk("smtp", "192.0.2.3", "< 220\n> EHLO x.example\n<~ SIZE 52428800\n" MAIL("a@secret.example") "< 530 5.7.0");
    rig_table("peer", "good.example tls_in=yes");
    rig_talk("smtp", "192.0.2.1", HELLO MAIL("a@b.example") "< 530 5.7.0 Must issue a STARTTLS command first");
}

/* DNSBL-01 to DNSBL-08, DNSBL-10 */
RIG_TEST(dns_lists) {
    rig_dns(dns);
    rig_table("dnslist", "bl.example\ntag.example policy=tag\nmore.example policy=tag answers=127.0.0.8-127.0.0.9\n"
                         "ignored.example policy=ignore\nwl.example kind=allow");
    rig.d.access.probes.reasons = true;
    rig_talk(
        "smtp", "192.0.2.7",
        HELLO MAIL("a@b.example") "< 554 5.7.1 Service unavailable; client [192.0.2.7] is listed by bl.example: an "
                                  "open proxy\n" MAIL("") "< 554");
    rig_talk("smtp", "2001:db8::1", HELLO MAIL("a@b.example") "< 554 5.7.1");
    rig_talk("smtp", "192.0.2.8", HELLO MESSAGE);
    assert_string_equal(buf_cstr(&rig.tags), "dnsbl=more.example tag.example\n");
    assert_string_equal(buf_cstr(&rig.body), "Subject: x\r\n\r\ntext\r\n"); /* PEER-15: what it said itself is gone */
    rig_talk("smtp", "192.0.2.9", HELLO MESSAGE);                           /* the list does not serve us */
    assert_string_equal(buf_cstr(&rig.tags), "");
    rig_talk("smtp", "192.0.2.11", HELLO MESSAGE); /* another list allows it */
    uint64_t before = loop_now_ms(), patience = rig.d.access.probes.timeout_ms;
    rig.d.access.probes.timeout_ms = 100;
    rig_talk("smtp", "192.0.2.10", HELLO MESSAGE); /* no answer */
    assert_in_range(loop_now_ms() - before, 100, patience);
    rig.d.access.probes.timeout_ms = patience;
    rig.d.access.probes.keep_ms = 60000;
    rig_talk("smtp", "192.0.2.8", HELLO MESSAGE);
    unsigned asked = rig.questions;
    rig_talk("smtp", "192.0.2.8", HELLO MESSAGE); /* known by now */
    assert_int_equal(rig.questions, asked);
    mode(CHECK_DNSLIST, MODE_OFF);
    rig_talk("smtp", "192.0.2.8", HELLO MESSAGE); /* known, but not wanted */
    assert_string_equal(buf_cstr(&rig.tags), "");
    mode(CHECK_DNSLIST, MODE_LOG);
    rig_talk("smtp", "192.0.2.7", HELLO MESSAGE);
    assert_string_equal(buf_cstr(&rig.tags), "dnsbl=tag.example bl.example\n");
    mode(CHECK_DNSLIST, MODE_TEMPORARY);
    rig_talk("smtp", "192.0.2.7", HELLO MAIL("a@b.example") "< 450 4.7.1");
    rig_table("access", "192.0.2.7 dnsbl=no");
    rig_talk("smtp", "192.0.2.7", HELLO MESSAGE);
    rig_table("access", "");
    rig_talk("smtp", "192.0.2.7", HELLO MAIL("a@b.example") "< 450");
    rig_table("dnslist", ""); /* what is kept of lists that are gone counts no more */
    rig_talk("smtp", "192.0.2.7", HELLO MESSAGE);
}

/* PEER-15, DNSBL-11: what a trusted peer says counts, and leaves the header all the same. */
RIG_TEST(tags_of_trusted_peers) {
    rig_dns(dns);
    rig_table("peer", "good.example keep_tags=yes");
    rig_table("dnslist", "tag.example policy=tag");
    rig_talk("smtp", "192.0.2.1", HELLO MESSAGE);
    assert_string_equal(buf_cstr(&rig.tags), "dnsbl=forged.example\n");
    assert_string_equal(buf_cstr(&rig.body), "Subject: x\r\n\r\ntext\r\n");
    rig_talk("smtp", "192.0.2.2", HELLO MESSAGE);
    assert_string_equal(buf_cstr(&rig.tags), "");
}

/* RELAY-01 to RELAY-03, SMTPD-07 */
RIG_TEST(relay) {
    static const struct {
        const char *rows;
        bool by_default, temporary;
        const char *peer, *reply;
    } cases[] = {
        {"", false, false, "192.0.2.3", "< 550 5.7.1 <x@else.example> Relaying denied"},
        {"", false, true, "192.0.2.3", "< 450 4.7.1 <x@else.example> Relaying denied"},
        {"192.0.2.0/24 relay=allow", false, false, "192.0.2.3", "< 250"},
        {"192.0.2.0-192.0.2.2 relay=allow", false, false, "192.0.2.3", "< 550"},
        {"2001:db8::/32 relay=allow", false, false, "2001:db8::5", "< 250"},
        {"192.0.2.0/24 relay=allow\n192.0.2.3 relay=deny", false, false, "192.0.2.3", "< 550"},
        {"", true, false, "192.0.2.3", "< 250"},
        {"192.0.2.3 relay=deny", true, false, "192.0.2.3", "< 550"},
        {"", false, false, "198.51.100.1", "< 250"}, /* smtpd.relay_networks */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO script = BUF_INIT(1000);
        rig_table("access", cases[i].rows);
        rig.d.access.relay_default = cases[i].by_default;
        rig.d.access.relay_temporary = cases[i].temporary;
        buf_printf(&script, HELLO MAIL("a@b.example") "< 250\n> RCPT TO:<x@else.example>\n%s", cases[i].reply);
        rig_talk("smtp", cases[i].peer, buf_cstr(&script));
    }
}

/* DEPL-11, LIM-51 */
RIG_TEST(xclient) {
    rig_dns(dns);
    rig_table("access", "127.0.0.1 xclient=yes\n192.0.2.66 connect=deny");
    rig_table("dnslist", "bl.example");
    rig_talk("smtp", "192.0.2.3", HELLO "> XCLIENT ADDR=192.0.2.1\n< 550 5.7.0");
    rig_talk("smtp", "127.0.0.1",
             "< 220\n> EHLO front.example\n<~ XCLIENT NAME ADDR PORT PROTO HELO\n"
             "> XCLIENT ADDR=192.0.2.7 NAME=[UNAVAILABLE]\n< 220 mail.example.test\n> MAIL FROM:<a@b.example>\n< 503\n"
             "> EHLO x.example\n< 250\n" MAIL(
                 "a@b.example") "< 554 5.7.1\n"
                                "> XCLIENT ADDR=192.0.2.8 NAME=other.example HELO=said.example\n< 220\n> EHLO "
                                "front.example\n< 250\n" MESSAGE "> XCLIENT ADDR=nonsense\n< 501\n> XCLIENT LOGIN=x\n< "
                                "501\n> XCLIENT ADDR=192.0.2.66\n< 421\n=");
    assert_non_null(strstr(buf_cstr(&rig.prefix), "Received: from said.example (other.example [192.0.2.8])"));
}

struct caller {
    struct stream *client, *server;
};

static void call(struct caller *c, const char *peer, const char *first) {
    int pair[2];
    struct net_addr addr;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(stream_open_fd(pair[0], &c->server), 0);
    assert_int_equal(stream_open_fd(pair[1], &c->client), 0);
    assert_int_equal(net_addr_parse(str_from(peer), 12345, &addr), 0);
    stream_set_peer(c->server, &addr);
    assert_int_equal(stream_put(c->client, str_from(first)), 0);
    assert_int_equal(stream_flush(c->client), 0);
}

static void hang_up(struct caller *c, const char *told) {
    if (told != NULL) {
        assert_int_equal(stream_fill(c->client, SOON), 0);
        assert_true(str_starts(stream_peek(c->client), str_from(told)));
    }
    stream_free(c->client);
    stream_free(c->server);
}

static const struct service *smtp(void) {
    return &service_table[0];
}

/* CONNCTL-01 to CONNCTL-03 */
RIG_TEST(connections) {
    static const struct {
        const char *rows;
        bool by_default;
        enum check_mode mode;
        const char *peer, *told; /* NULL = admitted */
    } cases[] = {
        {"", true, MODE_PERMANENT, "192.0.2.1", NULL},
        {"", false, MODE_PERMANENT, "192.0.2.1", "554 5.7.1 mail.example.test"},
        {"", false, MODE_TEMPORARY, "192.0.2.1", "421 4.7.0 mail.example.test"},
        {"", false, MODE_LOG, "192.0.2.1", NULL},
        {"", false, MODE_OFF, "192.0.2.1", NULL},
        {"192.0.2.0/24 connect=deny", true, MODE_PERMANENT, "192.0.2.1", "554"},
        {"192.0.2.0/24 connect=deny", true, MODE_PERMANENT, "192.0.3.1", NULL},
        {"192.0.2.0/24 connect=deny\n192.0.2.1 connect=allow", true, MODE_PERMANENT, "192.0.2.1", NULL},
        {"2001:db8::/32 connect=allow", false, MODE_PERMANENT, "2001:db8::1", NULL},
        {"192.0.2.1-192.0.2.9 connect=allow", false, MODE_PERMANENT, "192.0.2.10", "554"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct caller c;
        struct admission admission;
        rig_table("access", cases[i].rows);
        rig.d.access.connect_default = cases[i].by_default;
        mode(CHECK_CONNECT, cases[i].mode);
        call(&c, cases[i].peer, "");
        int rc = admit_enter(&rig.d, smtp(), c.server, &admission);
        if ((rc == 0) != (cases[i].told == NULL)) fail_msg("case %zu", i);
        if (rc == 0) admit_leave(&rig.d, &admission);
        hang_up(&c, cases[i].told);
    }
    assert_int_equal((int)counting_sessions(&rig.d.counting), 0);
}

/* SMTPD-03: sessions and rates, of addresses and of networks. */
RIG_TEST(limits) {
    struct caller c[4];
    struct admission a[4];
    rig_table("access", "192.0.2.0/24 max_sessions=2\n198.51.100.0/24 max_rate=2");
    call(&c[0], "192.0.2.1", "");
    call(&c[1], "192.0.2.2", "");
    call(&c[2], "192.0.2.3", "");
    call(&c[3], "192.0.3.3", "");
    assert_int_equal(admit_enter(&rig.d, smtp(), c[0].server, &a[0]), 0);
    assert_int_equal(admit_enter(&rig.d, smtp(), c[1].server, &a[1]), 0);
    assert_int_equal(admit_enter(&rig.d, smtp(), c[2].server, &a[2]), ERR_DENIED);
    assert_int_equal(admit_enter(&rig.d, smtp(), c[3].server, &a[3]), 0);
    assert_int_equal(rig.d.access.over_sessions, 1);
    admit_leave(&rig.d, &a[0]);
    assert_int_equal(admit_enter(&rig.d, smtp(), c[2].server, &a[2]), 0);
    for (int i = 1; i < 4; i++) admit_leave(&rig.d, &a[i]);
    hang_up(&c[2], "421 4.7.0 mail.example.test Error: too many sessions from your network, try again later");
    for (int i = 0; i < 4; i++)
        if (i != 2) hang_up(&c[i], NULL);
    assert_int_equal((int)counting_sessions(&rig.d.counting), 0);
    rig.d.access.max_rate = 3;
    for (int i = 0; i < 8; i++) {
        static const char *const peers[] = {"198.51.100.1", "203.0.113.1"};
        call(&c[0], peers[i % 2], "");
        int rc = admit_enter(&rig.d, smtp(), c[0].server, &a[0]);
        assert_int_equal(rc, i < 4 || i == 5 ? 0 : ERR_DENIED);
        if (rc == 0) admit_leave(&rig.d, &a[0]);
        hang_up(&c[0], rc == 0 ? NULL : "421 4.7.0");
    }
}

/* DEPL-11, LIM-51: the client that the front end names is the one that counts. */
RIG_TEST(proxy) {
    struct caller c;
    struct admission a;
    char text[NET_ADDR_TEXT_MAX];
    rig_table("access", "10.0.0.1 proxy=yes\n192.0.2.66 connect=deny");
    call(&c, "10.0.0.1", "PROXY TCP4 192.0.2.5 10.0.0.1 4711 25\r\nEHLO");
    assert_int_equal(admit_enter(&rig.d, smtp(), c.server, &a), 0);
    net_addr_text(stream_peer(c.server), text);
    assert_string_equal(text, "192.0.2.5:4711");
    assert_int_equal(stream_fill(c.server, SOON), 0);
    assert_true(str_eq(stream_peek(c.server), STR("EHLO")));
    admit_leave(&rig.d, &a);
    hang_up(&c, NULL);
    call(&c, "10.0.0.1", "PROXY TCP4 192.0.2.66 10.0.0.1 4711 25\r\n");
    assert_int_equal(admit_enter(&rig.d, smtp(), c.server, &a), ERR_DENIED);
    hang_up(&c, "554");
    call(&c, "10.0.0.1", "EHLO x\r\n");
    assert_int_equal(admit_enter(&rig.d, smtp(), c.server, &a), ERR_INVALID);
    assert_int_equal(rig.d.access.bad_proxy, 1);
    hang_up(&c, NULL);
    call(&c, "10.0.0.2", "PROXY TCP4 192.0.2.5 10.0.0.1 4711 25\r\n"); /* may not say such things */
    assert_int_equal(admit_enter(&rig.d, smtp(), c.server, &a), 0);
    assert_true(str_starts(stream_peek(c.server), STR_EMPTY));
    admit_leave(&rig.d, &a);
    hang_up(&c, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks),      cmocka_unit_test(logged_checks_tag),        cmocka_unit_test(senders),
        cmocka_unit_test(relay),       cmocka_unit_test(peers_that_may_not_send),  cmocka_unit_test(dns_lists),
        cmocka_unit_test(connections), cmocka_unit_test(peers_have_sizes_and_tls), cmocka_unit_test(limits),
        cmocka_unit_test(proxy),       cmocka_unit_test(tags_of_trusted_peers),    cmocka_unit_test(xclient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
